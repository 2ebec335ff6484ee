"""Codes and steps, held against the RFCs, oathtool, pyotp and Steam."""

from __future__ import annotations

import base64
import hmac
import subprocess

import pyotp
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from programs import require_program
from unit.otp.strategies import hotp_keys, keys, totp_keys
from watchword_otp import (
    Algorithm,
    Codes,
    Key,
    Kind,
    Secret,
    code_at,
    is_well_formed,
    matching_step,
    seconds_left,
    step_at,
)

RFC_4226_SECRET = Secret(b"12345678901234567890")
RFC_6238_SECRETS = {
    Algorithm.SHA1: RFC_4226_SECRET,
    Algorithm.SHA256: Secret(b"12345678901234567890123456789012"),
    Algorithm.SHA512: Secret(b"1234567890123456789012345678901234567890123456789012345678901234"),
}
"""One secret for each hash, as long as its output: RFC 6238 appendix B's program, not its prose."""

times = st.integers(0, 2**35)
"""Unix seconds, to the year 3058."""


class TestRfc4226:
    """Appendix D."""

    @pytest.mark.parametrize(
        ("counter", "truncated", "code"),
        [
            (0, 1284755224, "755224"),
            (1, 1094287082, "287082"),
            (2, 137359152, "359152"),
            (3, 1726969429, "969429"),
            (4, 1640338314, "338314"),
            (5, 868254676, "254676"),
            (6, 1918287922, "287922"),
            (7, 82162583, "162583"),
            (8, 673399871, "399871"),
            (9, 645520489, "520489"),
        ],
    )
    def test_appendix_d(self, counter: int, truncated: int, code: str) -> None:
        def drawn(digits: int) -> str:
            return code_at(Key(secret=RFC_4226_SECRET, kind=Kind.HOTP, digits=digits), counter)

        assert drawn(6) == code
        assert drawn(10) == f"{truncated:010d}"

    @given(st.one_of(totp_keys, hotp_keys), st.integers(0, 2**63 - 1))
    def test_a_shorter_code_is_the_end_of_a_longer_one(self, key: Key, factor: int) -> None:
        whole = Key(secret=key.secret, algorithm=key.algorithm, digits=10)
        assert code_at(key, factor) == code_at(whole, factor)[-key.digits :]


class TestRfc6238:
    """Appendix B."""

    @pytest.mark.parametrize(
        ("now", "step", "sha1", "sha256", "sha512"),
        [
            (59, 0x1, "94287082", "46119246", "90693936"),
            (1111111109, 0x23523EC, "07081804", "68084774", "25091201"),
            (1111111111, 0x23523ED, "14050471", "67062674", "99943326"),
            (1234567890, 0x273EF07, "89005924", "91819424", "93441116"),
            (2000000000, 0x3F940AA, "69279037", "90698825", "38618901"),
            (20000000000, 0x27BC86AA, "65353130", "77737706", "47863826"),
        ],
    )
    def test_appendix_b(self, now: int, step: int, sha1: str, sha256: str, sha512: str) -> None:
        expected = {Algorithm.SHA1: sha1, Algorithm.SHA256: sha256, Algorithm.SHA512: sha512}
        for algorithm, code in expected.items():
            key = Key(secret=RFC_6238_SECRETS[algorithm], algorithm=algorithm, digits=8)
            assert step_at(key, now) == step
            assert code_at(key, step) == code


class TestSteam:
    """Codes that the Steam app itself showed, as KeePassXC's tests record them."""

    key = Key(secret=Secret.from_base32("63BEDWCQZKTQWPESARIERL5DTTQFCJTK"), kind=Kind.STEAM, digits=5)

    @pytest.mark.parametrize(("now", "code"), [(1511200518, "FR8RV"), (1511200714, "9P3VP")])
    def test_codes_of_the_real_app(self, now: int, code: str) -> None:
        step = step_at(self.key, now)
        assert code_at(self.key, step) == code
        assert matching_step(self.key, code, range(step - 1, step + 2)) == step

    @given(times)
    def test_a_code_is_five_characters_that_cannot_be_confused(self, step: int) -> None:
        code = code_at(self.key, step)
        assert len(code) == 5
        assert not set(code) & set("01AEILOSU")
        assert is_well_formed(self.key, code)


class TestSteps:
    @pytest.mark.parametrize(
        ("now", "step", "left"),
        [(0, 0, 30), (29.5, 0, 0.5), (30, 1, 30), (59, 1, 1), (20000000000, 666666666, 10)],
    )
    def test_a_step_lasts_a_period(self, now: float, step: int, left: float) -> None:
        key = Key(secret=RFC_4226_SECRET)
        assert step_at(key, now) == step
        assert seconds_left(key, now) == left

    def test_a_clock_before_1970_is_at_step_0(self) -> None:
        assert step_at(Key(secret=RFC_4226_SECRET), -5) == 0

    @given(totp_keys, st.integers(0, 2**45).map(lambda ticks: ticks / 1024))
    def test_the_next_step_begins_when_no_seconds_are_left(self, key: Key, now: float) -> None:
        left = seconds_left(key, now)
        assert 0 < left <= key.period
        assert step_at(key, now + left) == step_at(key, now) + 1
        assert step_at(key, now + left - 1 / 1024) == step_at(key, now)

    @pytest.mark.parametrize(
        ("factor", "code"),
        [
            (2**32 - 1, "117190"),
            (2**32, "999456"),
            (2**32 + 1, "108930"),
            (2**63 - 1, "181742"),
            (2**64 - 1, "094451"),
        ],
    )
    def test_steps_beyond_32_bits(self, factor: int, code: str) -> None:  # RFC 6238 section 4.2
        assert code_at(Key(secret=RFC_4226_SECRET), factor) == code

    @pytest.mark.parametrize("factor", [-1, 2**64])
    def test_a_step_that_64_bits_cannot_hold_is_refused(self, factor: int) -> None:
        with pytest.raises(ValueError, match="step or counter"):
            code_at(Key(secret=RFC_4226_SECRET), factor)


class TestOathtool:
    """The OATH Toolkit draws ten codes in a row for each example; it knows 6 to 8 digits."""

    @settings(max_examples=80, deadline=None)
    @given(
        st.binary(min_size=1, max_size=64),
        st.sampled_from(Algorithm),
        st.integers(6, 8),
        st.one_of(st.just(30), st.integers(1, 86_400)),
        times,
    )
    def test_totp(self, raw: bytes, algorithm: Algorithm, digits: int, period: int, now: int) -> None:
        key = Key(secret=Secret(raw), algorithm=algorithm, digits=digits, period=period)
        first = step_at(key, now)
        drawn = self._draw(raw, f"--totp={algorithm}", f"-d{digits}", f"-s{period}s", f"-N@{now}")
        assert drawn == [code_at(key, step) for step in range(first, first + 10)]

    @settings(max_examples=80, deadline=None)
    @given(st.binary(min_size=1, max_size=64), st.integers(6, 8), st.integers(0, 2**63 - 10))
    def test_hotp(self, raw: bytes, digits: int, counter: int) -> None:
        key = Key(secret=Secret(raw), kind=Kind.HOTP, digits=digits)
        drawn = self._draw(raw, "--hotp", f"-d{digits}", f"-c{counter}")
        assert drawn == [code_at(key, number) for number in range(counter, counter + 10)]

    def _draw(self, raw: bytes, *options: str) -> list[str]:
        command = [require_program("oathtool"), "--base32", "-w9", *options, "-"]
        written = base64.b32encode(raw).decode()
        return subprocess.run(
            command, input=written, capture_output=True, text=True, check=True
        ).stdout.split()


class TestPyotp:
    """pyotp is the judge where it agrees to be: 112 bits and more, 6 digits and more, to 120 s."""

    @given(
        st.binary(min_size=14, max_size=64),
        st.sampled_from(Algorithm),
        st.integers(6, 10),
        st.integers(1, 120),
        times,
    )
    def test_totp(self, raw: bytes, algorithm: Algorithm, digits: int, period: int, now: int) -> None:
        key = Key(secret=Secret(raw), algorithm=algorithm, digits=digits, period=period)
        judge = pyotp.TOTP(key.secret.base32(), digits=digits, digest=algorithm.lower(), interval=period)
        assert code_at(key, step_at(key, now)) == judge.at(now)


class TestPyotpTraps:
    """Keys that real issuers handed out and pyotp does not take; the codes are oathtool's."""

    def test_an_80_bit_secret_works_and_carries_a_warning(self) -> None:
        key = Key(secret=Secret.from_base32("JBSWY3DPEHPK3PXP"))
        assert code_at(key, step_at(key, 59)) == "996554"
        assert key.warnings() == ("80-bit secret: RFC 4226 asks for at least 128 bits",)

    def test_a_20_character_secret_works_and_carries_a_warning(self) -> None:
        key = Key(secret=Secret.from_base32("JBSWY3DPEHPK3PXPJBSW"))
        assert [code_at(key, step) for step in (1, 2)] == ["674960", "587883"]
        assert key.warnings() == ("96-bit secret: RFC 4226 asks for at least 128 bits",)

    @pytest.mark.parametrize(("period", "code"), [(120, "943734"), (600, "090518"), (86_400, "523690")])
    def test_a_period_over_120_s_works(self, period: int, code: str) -> None:
        key = Key(secret=RFC_4226_SECRET, period=period)
        assert code_at(key, step_at(key, 1_700_000_000)) == code

    @pytest.mark.parametrize(("digits", "code"), [(4, "7082"), (5, "87082")])
    def test_codes_of_4_and_5_digits_work(self, digits: int, code: str) -> None:
        # The end of RFC 4226's 287082.
        assert code_at(Key(secret=RFC_4226_SECRET, digits=digits), 1) == code

    def test_base32_is_decoded_once_and_not_for_each_code(self, monkeypatch: pytest.MonkeyPatch) -> None:
        key = Key(secret=Secret.from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"))

        def decode(*_: object, **__: object) -> bytes:
            pytest.fail("base32 was decoded again")

        monkeypatch.setattr(base64, "b32decode", decode)
        assert code_at(key, 1) == "287082"
        assert matching_step(key, "359152", range(4)) == 2


class TestForm:
    """A code is text: N characters of the key's alphabet, and nothing is trimmed or converted."""

    @pytest.mark.parametrize(("step", "code"), [(44, "000152"), (366, "000866")])
    def test_leading_zeros_live(self, step: int, code: str) -> None:
        key = Key(secret=RFC_4226_SECRET)
        assert code_at(key, step) == code
        assert matching_step(key, code, [step]) == step
        assert matching_step(key, code.lstrip("0"), [step]) is None

    @given(keys, st.integers(0, 2**63 - 1))
    def test_every_drawn_code_is_well_formed_and_matches(self, key: Key, factor: int) -> None:
        code = code_at(key, factor)
        assert is_well_formed(key, code)
        assert matching_step(key, code, [factor]) == factor

    @pytest.mark.parametrize(
        "code",
        [
            "",
            "28708",
            "2870822",
            " 287082",
            "287082 ",
            "287082\n",
            "\t87082",
            "287 82",
            "287\u00a082",
            "+87082",
            "-87082",
            "28708.",
            "2_7082",
            "0x7082",
            "28708a",
            "287082\x00",
            "\u0662\u0668\u0667\u0660\u0668\u0662",  # Arabic-Indic
            "\uff12\uff18\uff17\uff10\uff18\uff12",  # full-width
            "28708\u00b2",  # superscript two
            "28708\u2461",  # circled two
            "\U0001d7d0\U0001d7d687082",  # mathematical bold
            "28708\ud800",
        ],
    )
    def test_anything_but_ascii_digits_is_malformed_and_matches_nothing(self, code: str) -> None:
        key = Key(secret=RFC_4226_SECRET)
        assert code_at(key, 1) == "287082"
        assert not is_well_formed(key, code)
        assert matching_step(key, code, [1]) is None

    @pytest.mark.parametrize("code", ["fr8rv", "FR8R0", "FR8RA", "FR8R", "FR8RVV", "12345"])
    def test_steam_has_its_own_alphabet(self, code: str) -> None:
        assert is_well_formed(TestSteam.key, "FR8RV")
        assert not is_well_formed(TestSteam.key, code)

    @given(keys, st.text())
    @example(Key(secret=RFC_4226_SECRET), "\ud800")
    def test_no_text_breaks_the_comparison(self, key: Key, text: str) -> None:
        assume(text != code_at(key, 0))
        assert matching_step(key, text, [0]) is None


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> tuple[list[bytes], list[bytes]]:
    """What is computed (messages of the HMAC) and what is compared, as it happens."""
    computed: list[bytes] = []
    compared: list[bytes] = []
    digest, compare_digest = hmac.digest, hmac.compare_digest

    def counted_digest(key: bytes, message: bytes, algorithm: str) -> bytes:
        computed.append(message)
        return digest(key, message, algorithm)

    def counted_compare(left: bytes, right: bytes) -> bool:
        compared.append(left)
        return compare_digest(left, right)

    monkeypatch.setattr(hmac, "digest", counted_digest)
    monkeypatch.setattr(hmac, "compare_digest", counted_compare)
    return computed, compared


class TestMatching:
    key = Key(secret=RFC_4226_SECRET)

    def test_the_code_of_a_step_in_the_window_gives_the_step(self) -> None:
        assert [matching_step(self.key, code_at(self.key, step), [1, 2, 3]) for step in range(5)] == [
            None,
            1,
            2,
            3,
            None,
        ]

    @pytest.mark.parametrize("candidates", [[37079356, 37079357], [37079357, 37079356]])
    def test_the_highest_of_two_steps_with_one_code_wins(self, candidates: list[int]) -> None:
        # Consuming the lower one would leave the same code good for the higher.
        assert code_at(self.key, 37079356) == code_at(self.key, 37079357) == "186519"
        assert matching_step(self.key, "186519", candidates) == 37079357

    def test_an_empty_window_matches_nothing(self) -> None:
        assert matching_step(self.key, "755224", []) is None

    @pytest.mark.parametrize(
        "code", ["287082", "254676", "000000", ""], ids=["first", "last", "none", "empty"]
    )
    def test_every_candidate_is_computed_and_compared_in_constant_time(
        self, counted: tuple[list[bytes], list[bytes]], code: str
    ) -> None:
        # Whichever candidate matches, the work is the same: the time taken tells nothing.
        computed, compared = counted
        matching_step(self.key, code, range(1, 6))
        assert computed == [step.to_bytes(8, "big") for step in range(1, 6)]
        assert compared == [b"287082", b"359152", b"969429", b"338314", b"254676"]

    def test_many_guesses_at_a_key_are_compared_with_codes_drawn_once(
        self, counted: tuple[list[bytes], list[bytes]]
    ) -> None:
        computed, compared = counted
        codes = Codes(self.key)
        guesses = ["287082", "000000", "969429", "287082"]
        found = [codes.matching_step(guess, range(1, 4)) for guess in guesses]
        assert found == [1, None, 3, 1]
        assert codes.matching_step("969429", range(2, 5)) == 3
        assert computed == [step.to_bytes(8, "big") for step in range(1, 5)]
        assert compared == 4 * [b"287082", b"359152", b"969429"] + [b"359152", b"969429", b"338314"]
