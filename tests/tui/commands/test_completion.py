"""Completion in shells: commands, options, and account names where the vault asks nothing."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from desk import GITHUB, SECRET, VPN, WATCHWORD, Desk, Here
from programs import require_program

PASSPHRASE = "correct horse staple"
BANKS = [f"otpauth://totp/Bank:{name}?secret=MFRGGZDFMZTWQ2LK" for name in ("bob", "carol")]


def completed(desk: Desk, *words: str) -> list[str]:
    """What bash is offered for the last word."""
    ended = subprocess.run(
        [WATCHWORD],
        cwd=desk.folder,
        env={
            "PATH": os.environ["PATH"],
            **desk.environment(),
            "_WATCHWORD_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(("watchword", *words)),
            "COMP_CWORD": str(len(words)),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [line.partition(",")[2] for line in ended.stdout.splitlines() if line]
    # As the script's `read` takes them.
    return [re.sub(r"\\(.)", r"\1", line) for line in lines]


class TestWords:
    def test_commands_and_options(self, desk: Desk) -> None:
        assert completed(desk, "comp") == ["completion"]
        assert completed(desk, "vault", "pass") == ["passphrase"]
        assert completed(desk, "code", "--fol") == ["--follow"]

    def test_account_names_of_a_plain_vault_and_files(self, desk: Desk) -> None:
        desk.keep(GITHUB, *BANKS)
        desk.write("otp.txt", VPN)

        assert completed(desk, "code", "gi") == ["GitHub"]
        # One word where it tells enough.
        assert completed(desk, "code", "") == ["GitHub", "bob", "carol"]
        assert completed(desk, "code", "--accounts", "otp.txt", "V") == ["VPN"]

    def test_what_has_been_typed_stays(self, desk: Desk) -> None:
        desk.keep(GITHUB, *BANKS)

        # Escaped, for bash inserts it as it is.
        assert completed(desk, "code", "ba") == [r"Bank\ \(bob\)", r"Bank\ \(carol\)"]
        assert completed(desk, "code", r"Bank\ \(b") == [r"Bank\ \(bob\)"]
        assert completed(desk, "code", "alice") == ["alice@example.com"]

    def test_each_is_understood(self, desk: Desk, here: Here) -> None:
        desk.keep(GITHUB, *BANKS)

        assert [here("code", word).status for word in completed(desk, "code", "")] == [0, 0, 0]

    def test_groups(self, desk: Desk, here: Here) -> None:
        desk.keep(GITHUB)
        here("edit", "github", "--group", "Work")

        assert completed(desk, "list", "--group", "w") == ["Work"]

    def test_an_encrypted_vault_is_not_asked_for_and_a_damaged_one_not_complained_of(
        self, desk: Desk
    ) -> None:
        desk.keep(GITHUB, passphrase=PASSPHRASE)
        assert completed(desk, "code", "") == []

        desk.vault.write_text("{")
        assert completed(desk, "code", "") == []


class TestShells:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_each_gets_a_script_that_says_how_to_install_it(self, here: Here, shell: str) -> None:
        ended = here("completion", shell)

        assert (ended.status, ended.err) == (0, "")
        assert ended.out.startswith(("# put into ~/.", "# run once: "))
        assert f"_WATCHWORD_COMPLETE={shell}_complete" in ended.out
        assert SECRET not in ended.out

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_the_script_is_one(self, here: Here, desk: Desk, shell: str) -> None:
        path = desk.write("script", here("completion", shell).out)
        program = [require_program(shell), "-n", str(path)]

        assert subprocess.run(program, check=False, timeout=30).returncode == 0

    def test_bash_completes_an_account(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        desk.write("script", here("completion", "bash").out)
        script = (
            "source ./script; COMP_WORDS=(watchword code gi); COMP_CWORD=2;"
            ' _watchword_completion watchword; echo "${COMPREPLY[@]}"'
        )
        ended = subprocess.run(
            [require_program("bash"), "-c", script],
            cwd=desk.folder,
            env={
                **desk.environment(),
                "PATH": f"{Path(WATCHWORD).parent}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

        assert ended.stdout == "GitHub\n"
