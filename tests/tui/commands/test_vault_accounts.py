"""`watchword add`, `list`, `edit`, `remove`: the vault from the command line."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from desk import GITHUB, SECRET, VPN, Desk, Here
from qr_reader import decode_qr
from unit.otp.terminal_picture import half_block_modules
from watchword_otp import Algorithm, Kind, format_uri, parse_uri
from watchword_otp.qr import make_qr

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"
QUARANTINED = b"""{"version":1,"header":{"slots":null,"params":null},"db":{"version":3,"entries":[
{"type":"totp","uuid":"a","name":"old","issuer":"Bank","info":{"secret":"GEZDGNBV","algo":"MD5",
"digits":6,"period":30}}],"groups":[]}}"""


class TestAdd:
    def test_the_first_account_makes_the_vault(self, here: Here, desk: Desk) -> None:
        ended = here("add", "--uri", "-", "--plain", stdin=GITHUB.encode())
        (account,) = desk.kept().accounts

        assert (ended.status, ended.out) == (0, "")
        assert ended.err.splitlines() == [
            f"watchword: made a new vault: {desk.vault}",
            "watchword: it is not encrypted: whoever can read the file has every secret",
            "watchword: added GitHub (alice@example.com)",
        ]
        assert account.key == parse_uri(GITHUB)
        assert stat.S_IMODE(desk.vault.stat().st_mode) == 0o600
        assert stat.S_IMODE(desk.vault.parent.stat().st_mode) == 0o700

    def test_a_passphrase_from_a_file_encrypts_it(self, here: Here, desk: Desk) -> None:
        desk.write("pass", "four random words\n")
        ended = here("add", "--uri", "-", "--passphrase-file", "pass", stdin=GITHUB.encode())

        assert ended.status == 0
        assert SECRET not in desk.vault.read_text()
        assert len(desk.kept("four random words").accounts) == 1

    def test_without_a_passphrase_nothing_is_made(self, here: Here, desk: Desk) -> None:
        ended = here("add", "--uri", "-", stdin=GITHUB.encode())

        assert ended.status == 2
        assert ended.complaint == (
            "nobody can be asked: New passphrase of the vault;"
            " run it on a terminal, or name a file that holds it with --passphrase-file"
        )
        assert not desk.vault.exists()

    def test_everything_can_be_said_of_it(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        options = ["--algorithm", "sha256", "--digits", "8", "--period", "60", "--favourite"]
        labels = [
            "--note",
            "Safe",
            "--issuer",
            "Bank",
            "--name",
            "bob",
            "--group",
            "Home",
            "--group",
            "Money",
        ]
        ended = here("add", "--secret", "-", *options, *labels, stdin=f"{OTHER.lower()}\n".encode())
        account = desk.kept().accounts[1]
        key = account.key

        assert ended.status == 0
        assert (key.issuer, key.name, key.secret.base32()) == ("Bank", "bob", OTHER)
        assert (key.algorithm, key.digits, key.period) == (Algorithm.SHA256, 8, 60)
        assert (account.note, account.groups, account.favourite) == ("Safe", ("Home", "Money"), True)
        assert "several phone apps ignore this" in ended.err

    def test_a_steam_key_needs_only_its_kind(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        here("add", "--secret", "-", "--kind", "steam", "--issuer", "Steam", stdin=OTHER.encode())
        key = desk.kept().accounts[1].key

        assert (key.kind, key.digits) == (Kind.STEAM, 5)

    def test_an_image_is_taken(self, here: Here, desk: Desk) -> None:
        desk.keep(VPN)
        (desk.folder / "shot.png").write_bytes(make_qr(GITHUB).png())
        ended = here("add", "--image", "shot.png", "--note", "from a picture")
        account = desk.kept().accounts[1]

        assert (ended.status, ended.err) == (0, "watchword: added GitHub (alice@example.com)\n")
        assert (account.key, account.note) == (parse_uri(GITHUB), "from a picture")

    def test_a_new_random_key_can_be_scanned(self, here: Here, desk: Desk, tmp_path: Path) -> None:
        desk.keep(GITHUB)
        ended = here("add", "--random", "--qr", "--issuer", "Door")
        key = desk.kept().accounts[1].key

        assert ended.status == 0
        assert key.secret.bits == 160
        assert decode_qr(half_block_modules(ended.out), tmp_path) == format_uri(key)

    @pytest.mark.parametrize(
        "arguments",
        [
            [GITHUB],
            ["--uri", GITHUB],
            ["--secret", SECRET],
            [f"--secret={SECRET}"],
            ["--issuer", "GitHub", SECRET],
        ],
        ids=["argument", "uri", "secret", "secret=", "word"],
    )
    def test_a_secret_on_the_command_line_is_refused_and_not_repeated(
        self, here: Here, desk: Desk, arguments: list[str]
    ) -> None:
        ended = here("add", *arguments)

        assert ended.status == 2
        assert SECRET not in ended.complaint
        assert not desk.vault.exists()
        if arguments[-1] != SECRET or len(arguments) < 3:
            assert "stands in the shell's history now; delete it there, and use --" in ended.complaint

    @pytest.mark.parametrize(
        ("arguments", "stdin", "words"),
        [
            (["--secret", "-", "--issuer", "X"], "not base32!", "the secret is not base32"),
            (["--secret", "-", "--issuer", "X"], "", "there is no secret"),
            (["--secret", "-"], OTHER, "an account needs an issuer or a name"),
            (["--uri", "-"], "otpauth://totp/nonsense", "the URI has no secret"),
            (["--random"], "", "an account needs an issuer or a name"),
            (["--random", "--uri", "-"], "", "the key comes from one place"),
            (["--issuer", "X", "--qr"], "", "--qr draws a key that --random made"),
            (["--secret", "-", "--issuer", "X", "--digits", "3"], OTHER, "digits must be 4 to 10"),
            (["--uri", "-"], GITHUB, "is in the vault already, with the same key"),
            (["--image", "no.png"], "", "cannot read no.png"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_what_cannot_be_added_is_told(
        self, here: Here, desk: Desk, arguments: list[str], stdin: str, words: str
    ) -> None:
        desk.keep(GITHUB)
        before = desk.vault.read_bytes()
        ended = here("add", *arguments, stdin=stdin.encode())

        assert ended.status == 2
        assert words in ended.complaint
        assert desk.vault.read_bytes() == before


class TestList:
    def test_a_line_each_without_secrets_or_codes(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB, VPN, f"steam://{OTHER}")
        ended = here("list")

        assert (ended.status, ended.err) == (0, "")
        assert ended.out.splitlines() == [
            "\tGitHub\talice@example.com\tTOTP\t",
            "\tVPN\talice\tHOTP, counter 1\t",
            "\tSteam\t\tSteam\t",
        ]

    def test_a_query_and_a_group_choose(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB, VPN)
        here("edit", "vpn", "--group", "Work", "--favourite")

        assert here("list", "alice", "--group", "work").out == "★\tVPN\talice\tHOTP, counter 1\tWork\n"
        nothing = here("list", "--group", "Nowhere")
        assert (nothing.status, nothing.complaint) == (2, "no account fits; watchword list shows all")

    def test_json_has_all_but_the_secret(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        here("edit", "github", "--note", "on the old phone too")
        here("code", "github")
        ended = here("list", "--json")
        told = json.loads(ended.out)

        assert SECRET not in ended.out
        assert told.pop("last_used") > 1_700_000_000
        assert told.pop("id") == desk.kept().accounts[0].id
        assert told == {
            "issuer": "GitHub",
            "name": "alice@example.com",
            "kind": "totp",
            "algorithm": "SHA1",
            "digits": 6,
            "period": 30,
            "groups": [],
            "favourite": False,
            "note": "on the old phone too",
            "notices": [],
            "source": "vault",
            "uses": 1,
        }

    def test_what_cannot_be_used_is_named_with_the_reason(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        desk.vault.write_bytes(QUARANTINED)
        ended = here("list")

        assert (ended.status, ended.out) == (0, "")
        assert ended.err.startswith("watchword: Bank old cannot be used and is kept as it is: ")
        assert "GEZDGNBV" not in ended.err
        wanted = here("code", "bank")
        assert wanted.complaint.startswith("Bank old cannot be used: ")

    def test_the_same_key_in_a_file_is_listed_once(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        desk.write("otp.txt", f"{GITHUB}\n{VPN}")
        ended = here("list", "--vault", str(desk.vault), "--accounts", "otp.txt")

        assert [line.split("\t")[1] for line in ended.out.splitlines()] == ["GitHub", "VPN"]

    async def test_on_a_terminal_it_is_a_table(self, desk: Desk) -> None:
        desk.keep(GITHUB, f"otpauth://totp/橡皮鸭:bob?secret={OTHER}")
        ended = await desk.run_on_terminal("list")

        assert ended.out.splitlines() == [
            "watchword: the vault is not encrypted; give it a passphrase: watchword vault encrypt",
            "ISSUER  NAME               KIND",
            "GitHub  alice@example.com  TOTP",
            "橡皮鸭  bob                TOTP",
            "watchword: 2 accounts",
        ]


class TestEdit:
    def test_only_what_is_given_changes(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB, VPN)
        ended = here("edit", "github", "--name", "bob", "--group", "Work", "--favourite")
        account, other = desk.kept().accounts

        assert (ended.status, ended.out, ended.err) == (0, "", "watchword: changed GitHub (bob)\n")
        assert (account.key.issuer, account.key.secret.base32()) == ("GitHub", SECRET)
        assert (account.groups, account.favourite) == (("Work",), True)
        assert other.key == parse_uri(VPN)

    def test_groups_and_favourite_can_be_taken_back(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        here("edit", "github", "--group", "Work", "--favourite")
        here("edit", "github", "--no-groups", "--no-favourite")
        (account,) = desk.kept().accounts

        assert (account.groups, account.favourite) == ((), False)

    def test_another_secret_is_piped_in(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        here("edit", "github", "--secret", "-", stdin=OTHER.encode())
        (account,) = desk.kept().accounts

        assert account.key.secret.base32() == OTHER
        assert account.key.title == "GitHub (alice@example.com)"

    def test_a_uri_brings_its_parameters_and_the_labels_stay(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        here("edit", "github", "--uri", "-", stdin=f"otpauth://totp/x?secret={OTHER}&digits=8".encode())
        key = desk.kept().accounts[0].key

        assert (key.title, key.digits, key.secret.base32()) == ("GitHub (alice@example.com)", 8, OTHER)

    def test_another_kind_leaves_what_belongs_to_the_old_one(self, here: Here, desk: Desk) -> None:
        desk.keep(f"otpauth://totp/Slow:bob?secret={SECRET}&period=60")
        ended = here("edit", "slow", "--kind", "hotp", "--counter", "7")
        key = desk.kept().accounts[0].key

        assert ended.status == 0
        assert (key.kind, key.counter) == (Kind.HOTP, 7)

    def test_what_others_keep_is_not_written_to(self, here: Here, desk: Desk) -> None:
        desk.write("otp.txt", GITHUB)
        ended = here("edit", "github", "--name", "bob", "--accounts", "otp.txt")

        assert ended.status == 2
        assert ended.complaint == (
            "GitHub (alice@example.com) comes from otp.txt, which is not written to;"
            " change it there, or bring it into the vault: watchword import FILE"
        )

    def test_a_secret_is_refused_here_too(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)

        assert SECRET not in here("edit", "github", "--secret", SECRET).complaint
        assert SECRET not in here("edit", "github", GITHUB).complaint
        assert SECRET not in here("edit", GITHUB).complaint


class TestRemove:
    def test_it_goes_after_a_yes_and_can_come_back(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB, VPN)
        ended = here("remove", "vpn", "--yes")

        assert (ended.status, ended.out) == (0, "")
        assert ended.err.startswith("watchword: removed VPN (alice); watchword vault restore 1 takes")
        assert [account.key.issuer for account in desk.kept().accounts] == ["GitHub"]

        assert here("vault", "restore", "1", "--yes").status == 0
        assert len(desk.kept().accounts) == 2

    def test_nobody_to_ask_is_no_yes(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        ended = here("remove", "github")

        assert ended.status == 2
        assert "add --yes if you mean it" in ended.complaint
        assert len(desk.kept().accounts) == 1

    def test_what_cannot_be_used_can_be_removed(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        desk.vault.write_bytes(QUARANTINED)

        assert here("remove", "bank", "--yes").status == 0
        assert desk.kept().rows == ()
