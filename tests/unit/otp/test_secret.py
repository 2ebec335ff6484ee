"""A secret is read as people write it, and shown to nobody."""

from __future__ import annotations

import base64
import copy
import hmac
import io
import json
import logging
import pickle
import traceback
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.traceback import Traceback

from watchword_otp import InvalidKeyError, Key, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["pytester"]

RAW = b"\x8fQ\x02never in print\xfe"
BASE32 = base64.b32encode(RAW).decode()
FORMS = (BASE32, BASE32.rstrip("="), RAW.hex(), repr(RAW)[2:-1], "never in print")
"""Each way the content could look where it leaks."""

secret = Secret(RAW)
key = Key(secret=secret, issuer="GitHub", name="alice")


def assert_hidden(shown: str) -> None:
    """Fail if `shown` gives the content away, without giving it away once more."""
    folded = shown.casefold()
    leaks = [number for number, form in enumerate(FORMS) if form.casefold() in folded]
    assert not leaks, f"forms {leaks} of the secret are in a text of {len(shown)} characters"


class TestReading:
    @given(st.binary(min_size=1, max_size=1024))
    def test_what_is_written_is_read(self, raw: bytes) -> None:
        assert Secret.from_base32(Secret(raw).base32()).reveal() == raw

    @pytest.mark.parametrize(
        "written",
        [
            "JBSWY3DPEHPK3PXP",
            "jbswy3dpehpk3pxp",
            "JBSW Y3DP EHPK 3PXP",
            "jbsw-y3dp-ehpk-3pxp",
            "  JBSWY3DPEHPK3PXP\n",
            "JBSW\u00a0Y3DP\tEHPK 3PXP====",
        ],
    )
    def test_case_spaces_dashes_and_padding_do_not_matter(self, written: str) -> None:
        assert Secret.from_base32(written).reveal() == b"Hello!\xde\xad\xbe\xef"

    @pytest.mark.parametrize(
        "written",
        [
            "JBSWY3DPEHPK3PX0",
            "JBSWY3DPEHPK3PX1",
            "JBSWY3DPEHPK3PX8",
            "JBSWY3DPEHPK3PX9",
            "JBSWY3DPEHPK3PX!",
            "JBSWY3DPEHPK3PX\u0131",  # dotless i, whose capital is I
            "JBSWY3DPEHPK3PX\u017f",  # long s, whose capital is S
            "JBSWY3DPEHPK3P\u00df",  # sharp s, whose capital is SS
            "JBSWY3DPEHPK3P\ufb01",  # the ligature fi, whose capital is FI
            "JBSWY3DPEHPK3PX\uff30",  # full-width P
            "JBSWY3DPEHPK3PX\u0663",  # Arabic-Indic 3
        ],
    )
    def test_a_character_outside_base32_is_refused_not_guessed(self, written: str) -> None:
        with pytest.raises(InvalidKeyError, match="not base32"):
            Secret.from_base32(written)

    @pytest.mark.parametrize("length", [1, 3, 6, 9])
    def test_a_length_that_base32_cannot_have_is_a_secret_cut_short(self, length: int) -> None:
        with pytest.raises(InvalidKeyError, match="cut short"):
            Secret.from_base32("A" * length)

    @pytest.mark.parametrize("written", ["", "=", " - "])
    def test_an_empty_secret_is_refused(self, written: str) -> None:
        with pytest.raises(InvalidKeyError, match="the secret is empty"):
            Secret.from_base32(written)

    def test_a_secret_over_1024_bytes_is_refused(self) -> None:
        Secret(b"x" * 1024)
        with pytest.raises(InvalidKeyError, match="at most 1024 bytes, not 1025"):
            Secret(b"x" * 1025)

    @given(st.text())
    def test_no_text_raises_anything_else_or_is_shown_in_the_message(self, written: str) -> None:
        marked = f"{written}KEEPOUT1"
        with pytest.raises(InvalidKeyError) as caught:
            Secret.from_base32(marked)
        assert "KEEPOUT" not in str(caught.value)


class TestMaking:
    def test_a_new_secret_has_160_bits(self) -> None:
        assert Secret.generate().bits == 160

    def test_two_new_secrets_differ(self) -> None:
        assert Secret.generate() != Secret.generate()


class TestComparing:
    def test_secrets_are_equal_by_content(self) -> None:
        assert secret == Secret(bytes(RAW))
        assert hash(secret) == hash(Secret(bytes(RAW)))
        assert secret != Secret(RAW + b"x")

    def test_a_secret_is_never_equal_to_its_own_bytes_or_text(self) -> None:
        assert all(secret != other for other in (RAW, BASE32, None))

    def test_equality_takes_the_same_time_wherever_the_difference_is(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compared: list[tuple[bytes, bytes]] = []

        def compare_digest(left: bytes, right: bytes) -> bool:
            compared.append((left, right))
            return left == right

        monkeypatch.setattr(hmac, "compare_digest", compare_digest)
        other = Secret(b"another")
        assert secret != other
        assert compared == [(secret.reveal(), other.reveal())]


class TestHiding:
    @pytest.mark.parametrize(
        "shown",
        [
            repr(secret),
            str(secret),
            f"{secret} {secret!r} {secret!s} {secret!a}",
            "%s %r" % (secret, secret),  # noqa: UP031 - this way of formatting is what is tried
            "{0} {0!r}".format(secret),  # noqa: UP032 - so is this one
            format(secret),
            repr(key),
            str([key, {secret: secret}]),
        ],
    )
    def test_no_formatting_shows_it(self, shown: str) -> None:
        assert_hidden(shown)
        assert "<Secret 144 bits>" in shown

    def test_a_log_line_does_not_show_it(self, caplog: pytest.LogCaptureFixture) -> None:
        logger = logging.getLogger("watchword")
        with caplog.at_level(logging.DEBUG):
            logger.debug("%s %r %s %r", secret, secret, key, key)
            logger.debug("%(secret)s %(secret)r", {"secret": secret})
        assert_hidden(caplog.text)
        assert len(caplog.records) == 2

    def test_a_chain_of_tracebacks_does_not_show_it(self) -> None:
        def seal(unsealed: Secret) -> None:
            known: dict[Secret, str] = {}
            try:
                known[unsealed]
            except KeyError as error:
                raise RuntimeError("cannot seal", unsealed) from error

        with pytest.raises(RuntimeError) as caught:
            seal(secret)
        shown = "".join(traceback.format_exception(caught.value))
        assert "KeyError" in shown
        assert_hidden(shown)

    def test_a_traceback_with_locals_does_not_show_it(self) -> None:
        # Textual ends a crash with every local of every frame, drawn by Rich.
        def sign(signing_key: Key, bare: Secret) -> None:
            raise RuntimeError(signing_key.title, bare.bits)

        with pytest.raises(RuntimeError) as caught:
            sign(key, secret)
        page = io.StringIO()
        drawn = Traceback.from_exception(RuntimeError, caught.value, caught.tb, show_locals=True)
        Console(file=page, width=200).print(drawn)
        shown = page.getvalue()
        assert "signing_key" in shown
        assert_hidden(shown)

    def test_a_refusal_of_base32_does_not_show_it_in_its_chain(self) -> None:
        with pytest.raises(InvalidKeyError) as caught:
            Secret.from_base32(BASE32.rstrip("=") + "A" * 4)
        assert_hidden("".join(traceback.format_exception(caught.value)))
        assert "During handling" not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.parametrize(
        ("put_away", "what"),
        [
            (pickle.dumps, secret),
            (pickle.dumps, key),
            (copy.copy, secret),
            (copy.deepcopy, secret),
            (copy.deepcopy, key),
            (json.dumps, [secret]),
        ],
    )
    def test_it_is_not_put_away_by_accident(
        self, put_away: Callable[[object], object], what: object
    ) -> None:
        with pytest.raises(TypeError) as caught:
            put_away(what)
        assert_hidden(str(caught.value))

    def test_a_failing_assertion_does_not_show_it(self, pytester: pytest.Pytester) -> None:
        # pytest rewrites the asserts of a test file and explains each failure with both sides, the
        # differing fields of dataclasses and, when asked, every local: the richest printer there is.
        pytester.makepyfile(
            f"""
            import logging
            from watchword_otp import Key, Secret

            def secrets():
                return Secret(bytes.fromhex({RAW.hex()!r})), Secret(b"another")

            def test_secrets():
                secret, other = secrets()
                assert secret == other

            def test_keys():
                secret, other = secrets()
                assert Key(secret=secret, name="alice") == Key(secret=other, name="alice")

            def test_containers():
                secret, other = secrets()
                assert {{"secret": secret, "list": [secret]}} == {{"secret": other, "list": []}}

            def test_truth():
                secret, _ = secrets()
                logging.getLogger().warning("%r", secret)
                print(secret)
                assert not secret, f"{{secret}}"
            """
        )
        result = pytester.runpytest_subprocess("-vv", "--showlocals", "-p", "no:cacheprovider")
        result.assert_outcomes(failed=4)
        assert_hidden(result.stdout.str() + result.stderr.str())
