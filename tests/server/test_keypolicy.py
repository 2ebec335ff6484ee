"""One rule for what comes into use, and the same words for it whichever way a key comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from key_routes import refused
from watchword_otp import InvalidKeyError, Key, Kind, Secret, format_uri
from watchword_server.audit import Caller
from watchword_server.bootstrap import activate_key
from watchword_server.enrolment import create_key
from watchword_server.import_csv import parse_csv
from watchword_server.import_pam import parse_pam
from watchword_server.imports import parse_otpauth
from watchword_server.keypolicy import require_strong
from watchword_server.newkeys import NewKey
from watchword_server.sealedfile import SealedKey, open_keys, seal_keys

if TYPE_CHECKING:
    import httpx

    from watchword_server.ledger import Ledger

SHORT, LONG_ENOUGH = Secret(b"x" * 9), Secret(b"x" * 10)
WEAK = [
    (Key(secret=SHORT), "a secret of 72 bits"),
    (Key(secret=LONG_ENOUGH, digits=5), "codes of 5 digits"),
    (Key(secret=LONG_ENOUGH, kind=Kind.HOTP, digits=4), "codes of 4 digits"),
    (Key(secret=LONG_ENOUGH, period=9), "a period of 9 s"),
    (Key(secret=LONG_ENOUGH, kind=Kind.STEAM, digits=5, period=1), "a period of 1 s"),
]


@pytest.mark.parametrize(
    "key",
    [
        Key(secret=LONG_ENOUGH),
        Key(secret=LONG_ENOUGH, digits=10, period=10),
        Key(secret=LONG_ENOUGH, period=86_400),
        Key(secret=LONG_ENOUGH, kind=Kind.STEAM, digits=5),
        Key(secret=LONG_ENOUGH, kind=Kind.HOTP),
    ],
)
def test_what_is_strong_enough_is_taken(key: Key) -> None:
    require_strong(key)


@pytest.mark.parametrize(("key", "words"), WEAK)
async def test_no_weak_key_is_made(ledger: Ledger, key: Key, words: str) -> None:
    with pytest.raises(InvalidKeyError, match=words) as refusal:
        await create_key(ledger, NewKey(name="alice", key=key), Caller("test"))
    assert key.secret.base32() not in str(refusal.value)


@pytest.mark.parametrize(("key", "words"), WEAK)
def test_no_weak_line_is_imported(key: Key, words: str) -> None:
    uri = parse_otpauth(format_uri(replace(key, name="a")))
    row = f"a,{key.secret.base32()},{key.digits},{key.period},{key.kind}"
    table = parse_csv(f"name,secret,digits,period,kind\n{row}\n")
    for parsed in (uri, table):
        assert parsed.entries == []
        assert words in parsed.bad[0].message
        assert key.secret.base32() not in parsed.bad[0].message


@pytest.mark.parametrize(
    ("secret", "options", "words"),
    [(SHORT, "", "a secret of 72 bits"), (LONG_ENOUGH, '" STEP_SIZE 9\n', "a period of 9 s")],
)
def test_no_weak_pam_file_is_imported(secret: Secret, options: str, words: str) -> None:
    (bad,) = parse_pam(f'{secret.base32()}\n" TOTP_AUTH\n{options}', "alice").bad
    assert words in bad.message


async def test_what_was_in_use_stays_in_use(ledger: Ledger) -> None:
    """A key that the prototype's settings name, and one of our own sealed exports."""
    await activate_key(ledger, "default", Key(secret=SHORT))
    sealed = SealedKey(name="default", secret=SHORT.base32())
    assert open_keys(seal_keys([sealed], "open sesame"), "open sesame").bad == []


async def test_over_http_the_words_are_the_same(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/keys", json={"name": "alice", "secret": SHORT.base32()})
    assert refused(answer) == (422, "invalid-key")
    assert "a secret of 72 bits" in answer.json()["detail"]
    assert SHORT.base32() not in answer.text
