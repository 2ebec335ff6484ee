"""`watchword code`: live codes as plain lines."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from desk import GITHUB, SECRET, VPN, VPN_CODE, Desk, Here
from watchword_otp import Key, code_at, parse_uri
from watchword_tui.commands.code import Codes
from watchword_tui.settings import ServerProfile, Settings

if TYPE_CHECKING:
    from pathlib import Path

SLOW = f"otpauth://totp/Slow:bob?secret={SECRET}&period=60"
NOON = 1_800_000_000.0
"""The first second of a step of 30 s and of 60 s: 2027-01-15T08:00:00Z."""

KEY = parse_uri(GITHUB)


def codes_between(key: Key, begun: float, ended: float) -> list[str]:
    """The codes that may be shown in that time."""
    steps = range(int(begun // key.period), int(ended // key.period) + 1)
    return [code_at(key, step) for step in steps]


class TestOnce:
    async def test_one_account_is_its_code_alone(self, desk: Desk) -> None:
        desk.write("otp.txt", GITHUB)
        begun = time.time()
        ended = await desk.run("code", "--accounts", "otp.txt")

        assert ended.out.removesuffix("\n") in codes_between(KEY, begun, time.time())
        assert (ended.status, ended.err) == (0, "")

    async def test_several_are_a_line_each_with_code_seconds_left_and_account(self, desk: Desk) -> None:
        desk.write("otp.txt", f"{GITHUB}\n{VPN}")
        begun = time.time()
        ended = await desk.run("code", "--accounts", "otp.txt")
        live, counted = [line.split("\t") for line in ended.out.splitlines()]

        assert live[0] in codes_between(KEY, begun, time.time())
        assert 1 <= int(live[1]) <= 30
        assert live[2] == "GitHub (alice@example.com)"
        assert counted == [VPN_CODE, "-", "VPN (alice)"]

    def test_an_account_is_named_by_a_part(self, desk: Desk, here: Here) -> None:
        desk.write("otp.txt", f"{GITHUB}\n{VPN}")

        ended = here("code", "vp", "--accounts", "otp.txt")

        assert (ended.status, ended.out) == (0, f"{VPN_CODE}\n")

    def test_one_that_is_not_there_is_told_with_those_that_are(self, desk: Desk, here: Here) -> None:
        desk.write("otp.txt", f"{GITHUB}\n{VPN}")

        ended = here("code", "aws", "--accounts", "otp.txt")

        assert ended.status == 2
        assert ended.complaint == (
            "no account fits 'aws'; there are: GitHub (alice@example.com), VPN (alice)"
        )

    def test_the_prototypes_dotenv_is_enough(self, desk: Desk, here: Here) -> None:
        desk.write(".env", f"TOTP_BASE32_SECRET={SECRET}\nBEARER=ww_x\n")
        begun = time.time()
        ended = here("code")

        assert ended.out.removesuffix("\n") in codes_between(KEY, begun, time.time())

    async def test_lines_left_out_are_told_beside_the_codes(self, desk: Desk) -> None:
        desk.write("otp.txt", f"{VPN}\notpauth://totp/x?secret={SECRET}!", 0o644)

        ended = await desk.run("code", "--accounts", "otp.txt")

        assert (ended.status, ended.out) == (0, f"{VPN_CODE}\n")
        readable, bad = ended.err.splitlines()
        assert readable == "watchword: otp.txt can be read by others: run chmod 600 otp.txt"
        assert bad.startswith("watchword: otp.txt, line 2: ")
        assert SECRET not in ended.err

    def test_json_is_an_object_a_line(self, desk: Desk, here: Here) -> None:
        desk.write("otp.txt", f"{GITHUB}\n{VPN}\nsteam://{SECRET}")
        begun = time.time()
        ended = here("code", "--json", "--accounts", "otp.txt")
        live, counted, steam = map(json.loads, ended.out.splitlines())

        assert live["code"] in codes_between(KEY, begun, time.time())
        assert live == {
            "issuer": "GitHub",
            "name": "alice@example.com",
            "kind": "totp",
            "code": code_at(KEY, live["step"]),
            "next_code": code_at(KEY, live["step"] + 1),
            "step": live["expires_at"] // 30 - 1,
            "expires_at": live["expires_at"],
        }
        assert counted == {
            "issuer": "VPN",
            "name": "alice",
            "kind": "hotp",
            "code": VPN_CODE,
            "next_code": "359152",
            "counter": 1,
        }
        assert (steam["kind"], len(steam["code"])) == ("steam", 5)

    def test_a_label_cannot_steer_the_terminal(self, desk: Desk, here: Here) -> None:
        desk.write("otp.txt", f"{VPN}\notpauth://hotp/%1B%5B31m:%C2%9B2J?secret={SECRET}&counter=1")

        ended = here("code", "--accounts", "otp.txt")

        assert ended.out.splitlines()[1] == f"{VPN_CODE}\t-\t[31m (2J)"


class EndOfTestError(Exception):
    """Ends what goes on for ever."""


@dataclass
class FakeTime:
    """A clock that moves when somebody waits; the waiting ends with the test."""

    now: float
    until: float
    jump: dict[float, float] = field(default_factory=dict)
    """Moments at which the clock is set, and to what."""

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        before, self.now = self.now, self.now + seconds
        for moment in [moment for moment in self.jump if before < moment <= self.now]:
            # Waiting lasts as long as it would have: it is the clock that was set.
            self.now += self.jump.pop(moment) - moment
        if self.now > self.until:
            raise EndOfTestError


def follow(tmp_path: Path, lines: list[str], clock: FakeTime, *, as_json: bool = False) -> None:
    """Follow these accounts until the clock's end."""
    path = tmp_path / "otp.txt"
    path.write_text("\n".join(lines))
    path.chmod(0o600)
    settings = Settings((ServerProfile("dev", "http://127.0.0.1"),), "dev", account_files=(path,))
    with pytest.raises(EndOfTestError):
        Codes(follow=True, as_json=as_json, clock=clock, wait=clock.wait).print(settings, None)


class TestFollow:
    def test_each_new_code_is_a_line_with_the_time(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        follow(tmp_path, [GITHUB], FakeTime(NOON + 12, until=NOON + 65))
        step = int(NOON // 30)

        assert capsys.readouterr().out.splitlines() == [
            f"2027-01-15T08:00:12Z {code_at(KEY, step)} GitHub (alice@example.com)",
            f"2027-01-15T08:00:30Z {code_at(KEY, step + 1)} GitHub (alice@example.com)",
            f"2027-01-15T08:01:00Z {code_at(KEY, step + 2)} GitHub (alice@example.com)",
        ]

    def test_each_account_is_shown_when_its_own_step_begins(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        follow(tmp_path, [GITHUB, SLOW, VPN], FakeTime(NOON, until=NOON + 61))
        shown = [line.split(maxsplit=2)[::2] for line in capsys.readouterr().out.splitlines()]

        assert shown == [
            ["2027-01-15T08:00:00Z", "GitHub (alice@example.com)"],
            ["2027-01-15T08:00:00Z", "Slow (bob)"],
            ["2027-01-15T08:00:00Z", "VPN (alice)"],
            ["2027-01-15T08:00:30Z", "GitHub (alice@example.com)"],
            ["2027-01-15T08:01:00Z", "GitHub (alice@example.com)"],
            ["2027-01-15T08:01:00Z", "Slow (bob)"],
        ]

    def test_a_clock_that_is_set_is_followed_within_a_second(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        day = "otpauth://totp/Day:alice?secret=MFRGGZDF&period=86400"
        clock = FakeTime(NOON, until=NOON + 200_002, jump={NOON + 10: NOON + 200_000})
        follow(tmp_path, [day], clock)
        moments = [line.split()[0] for line in capsys.readouterr().out.splitlines()]

        assert moments == ["2027-01-15T08:00:00Z", "2027-01-17T15:33:20Z"]

    def test_json_is_an_object_a_line_too(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        follow(tmp_path, [GITHUB], FakeTime(NOON + 12, until=NOON + 31), as_json=True)
        first, second = map(json.loads, capsys.readouterr().out.splitlines())

        assert first["next_code"] == second["code"] != first["code"]
        assert first["expires_at"] == NOON + 30

    def test_codes_that_do_not_expire_are_not_waited_for(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "otp.txt"
        path.write_text(VPN)
        settings = Settings((ServerProfile("dev", "http://127.0.0.1"),), "dev", account_files=(path,))
        clock = FakeTime(NOON, until=NOON)
        Codes(follow=True, as_json=False, clock=clock, wait=clock.wait).print(settings, "vpn")

        assert capsys.readouterr().out == f"2027-01-15T08:00:00Z {VPN_CODE} VPN (alice)\n"

    @pytest.mark.parametrize("left", [0.001, 0.5, 29.999])
    def test_seconds_left_are_never_nought_nor_more_than_the_period(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], left: float
    ) -> None:
        path = tmp_path / "otp.txt"
        path.write_text(f"{GITHUB}\n{VPN}")
        settings = Settings((ServerProfile("dev", "http://127.0.0.1"),), "dev", account_files=(path,))
        clock = FakeTime(NOON + 30 - left, until=NOON)
        Codes(follow=False, as_json=False, clock=clock, wait=clock.wait).print(settings, None)

        seconds = int(capsys.readouterr().out.split("\t")[1])
        assert seconds == max(1, round(left + 0.499))
