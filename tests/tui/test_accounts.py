"""Accounts from the prototype's .env and from files of otpauth:// lines, and finding one of them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword_otp import Key, Kind, Secret, strip_controls
from watchword_tui.accounts import (
    MAX_FILE_BYTES,
    Account,
    Loaded,
    find_account,
    grouped,
    live_code,
    load_accounts,
    read_uri_lines,
)
from watchword_tui.errors import AccountsError, Exit
from watchword_tui.settings import ServerProfile, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
GITHUB = f"otpauth://totp/GitHub:alice%40example.com?secret={SECRET}&issuer=GitHub"
BANK = "otpauth://totp/Bank:alice?secret=MZXW6YTBOIMZXW6YTBOIMZXW6YTBOIMZ&issuer=Bank"
NOON = 1_800_000_000.0


def settings(*files: Path, dotenv_secret: str | None = None) -> Settings:
    profile = ServerProfile("dev", "http://127.0.0.1:6238")
    return Settings((profile,), "dev", account_files=files, dotenv_secret=dotenv_secret)


def write(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def titles(loaded: Loaded) -> list[str]:
    return [account.key.title for account in loaded.accounts]


def refusal(act: Callable[[], object]) -> str:
    """The words of the error that `act` ends with; they never hold a secret."""
    with pytest.raises(AccountsError) as caught:
        act()
    words = str(caught.value)
    assert caught.value.exit_status == Exit.USAGE
    assert SECRET not in words
    return words


class TestDotenv:
    def test_its_secret_is_an_account(self) -> None:
        (account,) = load_accounts(settings(dotenv_secret=SECRET)).accounts

        assert account.key == Key(secret=Secret.from_base32(SECRET), issuer="Watchword", name="default")
        assert account.source == ".env"
        assert account.notices == ()

    def test_a_short_secret_works_and_is_told_of(self) -> None:
        (account,) = load_accounts(settings(dotenv_secret="JBSWY3DPEHPK3PXP")).accounts

        assert account.notices == ("80-bit secret: RFC 4226 asks for at least 128 bits",)

    @pytest.mark.parametrize("secret", [f"{SECRET}!", f"{SECRET}1", f"{SECRET}A"])
    def test_what_is_no_secret_is_refused_and_not_shown(self, secret: str) -> None:
        words = refusal(lambda: load_accounts(settings(dotenv_secret=secret)))

        assert words.startswith("TOTP_BASE32_SECRET: the secret is ")
        assert words.endswith("correct it in .env or the environment")


class TestFiles:
    def test_each_line_is_an_account_of_that_file(self, tmp_path: Path) -> None:
        path = write(tmp_path / "otp.txt", f"{GITHUB}\n{BANK}\n")
        loaded = load_accounts(settings(path))

        assert titles(loaded) == ["GitHub (alice@example.com)", "Bank (alice)"]
        assert {account.source for account in loaded.accounts} == {"otp.txt"}
        assert loaded.problems == ()

    def test_sources_stand_in_their_order_the_dotenv_first(self, tmp_path: Path) -> None:
        paths = [write(tmp_path / "a.txt", BANK), write(tmp_path / "b.txt", GITHUB)]
        loaded = load_accounts(settings(*paths, dotenv_secret=SECRET))

        assert titles(loaded) == ["Watchword (default)", "Bank (alice)", "GitHub (alice@example.com)"]

    @pytest.mark.parametrize(
        "content",
        [
            f"{GITHUB}\n{BANK}",
            f"\N{ZERO WIDTH NO-BREAK SPACE}{GITHUB}\n{BANK}\n",
            f"{GITHUB}\r\n{BANK}\r\n",
            f"{GITHUB}\r{BANK}\r",
            f"\n  {GITHUB}  \n\t\n{BANK}\n\n",
            f"# otpauth://totp/old?secret={SECRET}\n{GITHUB}\n#\n  # {BANK}\n{BANK}\n",
        ],
        ids=["no last break", "BOM", "CRLF", "CR", "blank lines", "comments"],
    )
    def test_lines_are_read_as_editors_write_them(self, tmp_path: Path, content: str) -> None:
        loaded = load_accounts(settings(write(tmp_path / "otp.txt", content)))

        assert titles(loaded) == ["GitHub (alice@example.com)", "Bank (alice)"]
        assert loaded.problems == ()

    @pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
    def test_a_bad_line_is_named_by_its_number_and_never_shown(self, line_break: str) -> None:
        bad = f"otpauth://totp/Shop:alice?secret={SECRET}!&issuer=Shop"
        lines = ["# mine", GITHUB, bad, "", f"mailto:{SECRET}", BANK]
        loaded = read_uri_lines(line_break.join(lines), "otp.txt")

        assert titles(loaded) == ["GitHub (alice@example.com)", "Bank (alice)"]
        assert [problem.partition(":")[0] for problem in loaded.problems] == [
            "otp.txt, line 3",
            "otp.txt, line 5",
        ]
        assert not any(SECRET in problem or "Shop" in problem for problem in loaded.problems)

    @pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1d", "\x85", "\u2028"])
    def test_what_editors_do_not_count_as_a_line_break_is_none(self, separator: str) -> None:
        loaded = read_uri_lines(
            f"otpauth://totp/Git{separator}Hub:alice?secret={SECRET}\nbad", "otp.txt"
        )

        assert [account.name for account in loaded.accounts] == ["alice"]
        assert [problem.partition(":")[0] for problem in loaded.problems] == ["otp.txt, line 2"]

    def test_steam_and_hotp_keys_are_accounts_too(self) -> None:
        steam, hotp = read_uri_lines(
            f"steam://{SECRET}\notpauth://hotp/VPN:alice?secret={SECRET}&counter=7", "otp.txt"
        ).accounts

        assert (steam.key.kind, steam.issuer, steam.name) == (Kind.STEAM, "Steam", "")
        assert (hotp.key.kind, hotp.key.counter, hotp.name) == (Kind.HOTP, 7, "alice")

    def test_what_is_unusual_about_an_account_is_kept_with_it(self) -> None:
        (account,) = read_uri_lines(f"{GITHUB}&digits=8", "otp.txt").accounts

        assert len(account.notices) == 1
        assert account.notices[0].startswith("8 digits: several phone apps ignore this")

    def test_an_account_without_an_issuer_is_shown_by_its_name(self) -> None:
        (account,) = read_uri_lines(f"otpauth://totp/alice?secret={SECRET}", "otp.txt").accounts

        assert (account.issuer, account.name) == ("alice", "")

    def test_a_key_in_several_places_is_one_account_from_the_first(self, tmp_path: Path) -> None:
        first = write(tmp_path / "a.txt", f"{GITHUB}\n{GITHUB}\n{BANK}\n")
        second = write(tmp_path / "b.txt", f"{BANK}\n{GITHUB}\n")
        loaded = load_accounts(settings(first, second))

        assert titles(loaded) == ["GitHub (alice@example.com)", "Bank (alice)"]
        assert {account.source for account in loaded.accounts} == {"a.txt"}

    def test_keys_that_differ_in_name_only_are_two_accounts(self) -> None:
        lines = [f"otpauth://totp/GitHub:{name}?secret={SECRET}" for name in ("alice", "bob")]

        assert titles(read_uri_lines("\n".join(lines), "x")) == ["GitHub (alice)", "GitHub (bob)"]

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
    def test_a_file_that_others_can_read_works_and_is_told_of(self, tmp_path: Path, mode: int) -> None:
        path = write(tmp_path / "otp.txt", GITHUB, mode)
        loaded = load_accounts(settings(path))

        assert len(loaded.accounts) == 1
        assert loaded.problems == (f"{path} can be read by others: run chmod 600 {path}",)

    def test_a_pipe_will_do_as_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path, 0o600)
        writer = threading.Thread(target=path.write_text, args=(GITHUB,))
        writer.start()
        loaded = load_accounts(settings(path))
        writer.join()

        assert titles(loaded) == ["GitHub (alice@example.com)"]

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "otp.txt"

        words = refusal(lambda: load_accounts(settings(path)))

        assert words == f"cannot read the accounts in {path}: No such file or directory"

    def test_a_folder_is_refused(self, tmp_path: Path) -> None:
        assert "Is a directory" in refusal(lambda: load_accounts(settings(tmp_path)))

    def test_a_file_that_cannot_be_read_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "otp.txt", GITHUB, 0o000)
        if os.access(path, os.R_OK):
            # root reads everything: a way that leads in circles stops it as well.
            path.unlink()
            path.symlink_to(path)

        assert f"cannot read the accounts in {path}: " in refusal(lambda: load_accounts(settings(path)))

    def test_what_is_not_utf_8_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "otp.txt", GITHUB.encode("utf-16"))

        words = refusal(lambda: load_accounts(settings(path)))

        assert words == f"{path} is not UTF-8 text; export otpauth:// lines into it"

    def test_a_file_of_the_largest_size_is_read_and_a_larger_one_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "otp.txt", f"{GITHUB}\n".ljust(MAX_FILE_BYTES, "\n"))
        assert titles(load_accounts(settings(path))) == ["GitHub (alice@example.com)"]

        write(path, f"{GITHUB}\n".ljust(MAX_FILE_BYTES + 1, "\n"))
        assert "is too large" in refusal(lambda: load_accounts(settings(path)))

    def test_an_endless_device_is_refused(self) -> None:
        assert "/dev/zero is too large" in refusal(lambda: load_accounts(settings(Path("/dev/zero"))))


HOSTILE = [
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1b[31mred",
    "\x9b31mred",
    "\N{RIGHT-TO-LEFT OVERRIDE}moc.elgoog",
    "a\nb\tc\x00d",
    "[/foo] [link=x] [@click=app.quit]hi[/]",
    "\N{ZERO WIDTH SPACE}" * 500,
    "x" * 100_000,
]


class TestHostileLabels:
    @pytest.mark.parametrize("label", HOSTILE)
    def test_labels_are_harmless_in_an_account(self, label: str) -> None:
        quoted = "".join(f"%{byte:02X}" for byte in label.encode())[:6000]
        loaded = read_uri_lines(
            f"otpauth://totp/{quoted}:{quoted}?secret={SECRET}&issuer={quoted}\n"
            f"otpauth://totp/fine:{quoted}?secret={SECRET}",
            "otp.txt",
        )

        for account in loaded.accounts:
            for shown in (account.issuer, account.name, account.key.title, *account.notices):
                assert strip_controls(shown) == shown
                assert len(shown) <= 300

    def test_markup_stays_what_it_is(self) -> None:
        (account,) = read_uri_lines(f"otpauth://totp/[/foo]:[b]?secret={SECRET}", "x").accounts

        assert (account.issuer, account.name) == ("[/foo]", "[b]")

    def test_the_name_of_a_file_is_harmless_too(self, tmp_path: Path) -> None:
        path = write(tmp_path / "otp\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}.txt", f"{GITHUB}\nbad")
        loaded = load_accounts(settings(path))

        assert [account.source for account in loaded.accounts] == ["otp[31m.txt"]
        assert [problem.partition(":")[0] for problem in loaded.problems] == ["otp[31m.txt, line 2"]

    @given(st.text())
    def test_no_text_stops_the_reading(self, text: str) -> None:
        loaded = read_uri_lines(f"{text}\n{GITHUB}", "otp.txt")

        assert titles(loaded)[-1:] == ["GitHub (alice@example.com)"]

    @given(st.text(st.characters(exclude_categories=["Cs"])), st.text())
    def test_no_label_brings_a_control_character(self, issuer: str, name: str) -> None:
        quoted = "".join(f"%{byte:02X}" for byte in issuer.encode())
        raw = name.replace("\n", " ").replace("\r", " ")
        loaded = read_uri_lines(f"otpauth://totp/{quoted}:{raw}?secret={SECRET}", "otp.txt")

        for account in loaded.accounts:
            assert strip_controls(account.key.title) == account.key.title


def accounts(*labels: str) -> tuple[Account, ...]:
    """Accounts labelled "issuer:name"."""
    keys = []
    for label in labels:
        issuer, _, name = label.partition(":")
        keys.append(Key(secret=Secret(label.encode()), issuer=issuer, name=name))
    return tuple(Account(key, "test") for key in keys)


FEW = accounts("GitHub:alice@example.com", "GitHub:bob", "Git:root", "Größe:x", ":alice")


class TestFinding:
    @pytest.mark.parametrize(
        ("query", "title"),
        [
            ("bob", "GitHub (bob)"),
            ("BOB", "GitHub (bob)"),
            ("hub (b", "GitHub (bob)"),
            ("github (bob)", "GitHub (bob)"),
            ("git", "Git (root)"),
            ("alice", "alice"),
            ("alice@", "GitHub (alice@example.com)"),
            ("GRÖSSE", "Größe (x)"),
        ],
    )
    def test_a_part_names_one_and_the_whole_goes_before_a_part(self, query: str, title: str) -> None:
        assert find_account(FEW, query).key.title == title

    def test_several_that_fit_are_named(self) -> None:
        words = refusal(lambda: find_account(FEW, "GITHUB"))

        assert words == (
            "2 accounts fit 'GITHUB'; name one of: GitHub (alice@example.com), GitHub (bob)"
        )

    def test_where_none_fits_those_there_are_are_named(self) -> None:
        words = refusal(lambda: find_account(FEW[:2], "aws"))

        assert words == "no account fits 'aws'; there are: GitHub (alice@example.com), GitHub (bob)"

    def test_a_long_list_is_cut(self) -> None:
        many = accounts(*(f"Issuer:{number}" for number in range(100)))

        assert len(refusal(lambda: find_account(many, "none such"))) < 200
        assert refusal(lambda: find_account(many, "issuer")).endswith("Issuer (7) and 92 more")

    def test_a_query_reaches_the_terminal_escaped(self) -> None:
        assert refusal(lambda: find_account(FEW, "\x1b[31m")).isprintable()

    def test_without_a_query_the_only_account_is_meant(self) -> None:
        assert find_account(FEW[1:2], None) is FEW[1]

    def test_without_a_query_several_are_named(self) -> None:
        assert refusal(lambda: find_account(FEW[1:3], None)) == (
            "there are 2 accounts; name one of: GitHub (bob), Git (root)"
        )

    @pytest.mark.parametrize("query", [None, "git"])
    def test_without_accounts_the_way_to_some_is_named(self, query: str | None) -> None:
        words = refusal(lambda: find_account((), query))

        assert words.startswith("there are no accounts; name a file of otpauth:// lines with --accounts")


class TestLiveCode:
    """RFC 6238's key; the codes at these steps are held against the RFC elsewhere."""

    KEY = Key(secret=Secret(b"12345678901234567890"))

    @pytest.mark.parametrize(("now", "left"), [(NOON, 30.0), (NOON + 29.75, 0.25), (NOON + 12.5, 17.5)])
    def test_a_code_lives_until_the_next_step(self, now: float, left: float) -> None:
        live = live_code(self.KEY, now)

        assert live.seconds_left == left
        assert live.expires_at == NOON + 30
        assert live.moving_factor == NOON // 30

    def test_the_next_code_is_the_one_of_the_next_step(self) -> None:
        live, later = live_code(self.KEY, NOON), live_code(self.KEY, NOON + 30)

        assert live.next_code == later.code != live.code

    def test_a_counted_code_does_not_expire(self) -> None:
        key = Key(secret=Secret(b"12345678901234567890"), kind=Kind.HOTP, counter=1)
        live = live_code(key, NOON)

        assert (live.code, live.next_code) == ("287082", "359152")  # RFC 4226 appendix D
        assert (live.moving_factor, live.seconds_left, live.expires_at) == (1, None, None)


class TestGrouped:
    @pytest.mark.parametrize(
        ("code", "shown"),
        [
            ("1234", "1234"),
            ("12345", "12345"),
            ("123456", "123 456"),
            ("1234567", "123 4567"),
            ("12345678", "1234 5678"),
            ("123456789", "123 456 789"),
            ("1234567890", "1234 5678 90"),
        ],
    )
    def test_codes_of_every_length_stand_in_groups(self, code: str, shown: str) -> None:
        assert grouped(code) == shown

    @pytest.mark.parametrize("bits", [80, 128, 160, 256, 512])
    def test_secrets_stand_in_groups_of_four(self, bits: int) -> None:
        secret = Secret.generate(bits).base32()
        groups = grouped(secret).split(" ")

        assert "".join(groups) == secret
        assert {len(group) for group in groups[:-1]} == {4}

    @given(st.text("0123456789ABC", max_size=64))
    def test_nothing_but_spaces_is_added(self, text: str) -> None:
        assert grouped(text).replace(" ", "") == text
        assert grouped(text).strip() == grouped(text)
