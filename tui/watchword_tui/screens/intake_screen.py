"""How accounts come in: by a form, from a line that was pasted, from other apps' files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from watchword_tui.screens.vault_screen import VaultScreen

# Dialogs are imported when they are asked for: the first frame does without them.

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from watchword_tui.accounts import Account
    from watchword_tui.draft import Draft
    from watchword_tui.exchange.plan import Accepted
    from watchword_tui.exchange.reading import Recognised
    from watchword_tui.vault.document import Document

_EMPTY_HINT = "what the issuer shows, or an otpauth:// line"
_EXPORTS = "Another app's export, or an image with QR codes: its content tells which."


class IntakeScreen(VaultScreen):
    """The base of the list of accounts: the form of an account, and the preview of an import."""

    async def _add(self, draft: Draft, hint: str = _EMPTY_HINT) -> None:
        from watchword_tui.vault.rows import new_id  # noqa: PLC0415 - as said at the top

        async def save(account: Account) -> bool:
            if not await self._change("Add", lambda document: document.with_added([account])):
                return False
            self.accounts_changed(account.id)
            self._tell("Added", "E changes it, q shows its QR code.")
            return True

        await self._form("Add an account", draft, new_id(), save, hint)

    async def _paste(self) -> None:
        from watchword_tui.draft import trouble_of_line  # noqa: PLC0415 - as said at the top
        from watchword_tui.exchange.reading import source_of  # noqa: PLC0415
        from watchword_tui.screens.ask import AskScreen  # noqa: PLC0415
        from watchword_tui.screens.reading_screen import ReadingScreen  # noqa: PLC0415

        text = "Paste an otpauth:// line, or the otpauth-migration:// line of a Google export."
        line = await self._open(AskScreen("Paste", text, trouble_of_line, secret=True))
        if line is None:
            return
        name = "the line"
        reading = ReadingScreen(name, lambda: source_of(name, line.strip().encode()))
        if (found := await self._open(reading)) is not None:
            await self._take(found)

    async def _take(self, found: Recognised) -> None:
        """Open the form for a single account, the preview of an import for anything else."""
        from watchword_tui.draft import draft_of_entry  # noqa: PLC0415 - as said at the top

        entries = found.reading.entries
        if len(entries) == 1 and entries[0].key is not None and not found.reading.problems:
            await self._add(draft_of_entry(entries[0], entries[0].key))
        else:
            await self._preview(found)

    async def _form(
        self,
        title: str,
        draft: Draft,
        identity: str,
        save: Callable[[Account], Awaitable[bool]],
        hint: str,
    ) -> None:
        from watchword_tui.screens.account_form import AccountForm  # noqa: PLC0415 - as said at the top
        from watchword_tui.screens.group_picker import GroupPicker  # noqa: PLC0415

        session = self._session

        async def groups(chosen: tuple[str, ...]) -> tuple[str, ...] | None:
            known = session.keeper.groups if session.keeper else ()
            picked = await self._open(GroupPicker("Where it is listed", known, chosen, manage=False))
            return picked.chosen if picked else None

        form = AccountForm(
            title,
            draft,
            identity,
            accounts=lambda: session.accounts,
            groups=groups,
            save=save,
            clock=session.clock,
            hint=hint,
        )
        await self._open(form)

    async def _read_file(self, title: str, hint: str = _EXPORTS) -> Recognised | None:
        """Ask for a file and read it; None where the person gave up."""
        from watchword_otp import clean_label  # noqa: PLC0415 - as said at the top
        from watchword_tui.exchange.reading import read_source  # noqa: PLC0415
        from watchword_tui.screens.file_picker import FilePicker  # noqa: PLC0415
        from watchword_tui.screens.reading_screen import ReadingScreen  # noqa: PLC0415

        reach = self._session.reach
        path: Path | None = await self._open(FilePicker(title, hint, reach))
        if path is None:
            return None
        screen = ReadingScreen(clean_label(path.name), lambda: read_source(reach.checked(path)))
        return await self._open(screen)

    async def _preview(self, found: Recognised) -> None:
        from watchword_tui.exchange.taking import taken  # noqa: PLC0415 - as said at the top
        from watchword_tui.screens.import_screen import ImportScreen  # noqa: PLC0415

        session = self._session
        keeper = session.keeper
        assert keeper is not None  # noqa: S101 - it was asked for before the file

        async def write(accepted: Accepted) -> bool:
            uses: dict[str, int] = {}

            def edit(document: Document) -> Document:
                result = taken(document, accepted)
                uses.update(result.uses)
                return result.document

            if not await self._change("Import", edit):
                return False
            session.usage.take_over(uses)
            self.accounts_changed()
            done = ((len(accepted.new), "added"), (len(accepted.replaced), "replaced"))
            words = ", ".join(f"{count:,} {what}" for count, what in done if count)
            self._tell(words, self._undo_hint)
            return True

        await self._open(
            ImportScreen(
                found,
                lambda: keeper.vault.document,
                more=partial(self._read_file, "Import another file"),
                write=write,
            )
        )
