"""Content that grows, or takes long, when it is taken apart without care; made when called."""

from __future__ import annotations

import io
import os
import zipfile
from typing import TYPE_CHECKING

from foreign_encoders import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MIB = 2**20
_ROW = b'{"secret":"","label":""},'
_URI = f"otpauth://totp/a:b?secret={SECRET}\n".encode()


def _many(part: bytes, size: int = 31 * MIB) -> bytes:
    return part * (size // len(part))


def _zip(size: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("raivo-otp-export.json", b"[" + b" " * size)
    return file.getvalue()


def _long_directory() -> bytes:
    """An archive of many members with nothing in them; its end says where its directory begins."""
    entry = b"PK\x01\x02" + bytes(24) + b"\x0b\0" + bytes(16) + b"export.data"
    directory = entry * (50 * MIB // len(entry))
    count, size = min(65534, len(directory) // len(entry)), len(directory)
    end = b"PK\x05\x06" + bytes(4) + count.to_bytes(2, "little") * 2 + size.to_bytes(4, "little")
    start = b"PK\x03\x04" + bytes(22) + b"\x0b\0\0\0export.data"
    return start + directory + end + len(start).to_bytes(4, "little") + bytes(2)


BOMBS: Mapping[str, Callable[[], bytes]] = {
    "deep-lists": lambda: b"[" * (60 * MIB),
    "less-deep-lists": lambda: b"[" * 900_000,
    "deep-objects": lambda: b'{"a":' * 900_000,
    "empty-lists": lambda: b"[" + _many(b"[],") + b"[]]",
    "less-empty-lists": lambda: b"[" + b"[]," * 450_000 + b"[]]",
    "numbers": lambda: b"[" + _many(b"1,") + b"1]",
    "less-numbers": lambda: b"[" + b"1," * 900_000 + b"1]",
    "rows": lambda: b"[" + _many(_ROW) + _ROW[:-1] + b"]",
    "less-rows": lambda: b"[" + _ROW * 300_000 + _ROW[:-1] + b"]",
    "as-many-rows-as-are-read": lambda: b"[" + _ROW * 49_999 + _ROW[:-1] + b"]",
    "one-text": lambda: b'[{"label":"x","secret":"' + _many(b"A") + b'"}]',
    "one-wide-text": lambda: '[{"label":"\U0001f511'.encode() + _many(b" ") + b'","secret":""}]',
    "one-number": lambda: b'[{"label":"x","secret":"x","digits":' + b"9" * MIB + b"}]",
    "groups": lambda: (
        b'{"version":1,"header":{"slots":null},"db":{"entries":[],"groups":['
        + b'{"uuid":"a"},' * 300_000
        + b"{}]}}"
    ),
    "slots": lambda: (
        b'{"version":1,"header":{"slots":[' + b"{}," * 300_000 + b'{}],"params":{}},"db":""}'
    ),
    "uris": lambda: _many(_URI),
    "as-many-uris-as-are-read": lambda: _URI * 50_000,
    "cut-uris": lambda: _many(b"otpauth://\n"),
    "blank-lines": lambda: b"otpauth://\n" + _many(b"\n"),
    "less-blank-lines": lambda: b"otpauth://\n" + b"\n" * 490_000,
    "returns": lambda: b"otpauth://\n" + _many(b"\r"),
    "one-line": lambda: b"otpauth://totp/" + _many(b"a"),
    "spaces": lambda: _many(b" ") + b"otpauth://",
    "migration": lambda: b"otpauth-migration://offline?data=" + _many(b"CgA"),
    "migrations": lambda: b"otpauth-migration://offline?data=" + b"CgA" * 20_000 + b"\n",
    "csv-commas": lambda: b"name,login_totp\n" + _many(b","),
    "less-csv-commas": lambda: b"name,login_totp\n" + b"," * 4_900_000,
    "csv-columns": lambda: b"name,login_totp," + b"," * 1_900_000,
    "csv-rows": lambda: b"name,login_totp\n" + _many(b"a\n"),
    "csv-returns": lambda: b"name,login_totp\n" + _many(b"a,\r"),
    "csv-quotes": lambda: b"name,login_totp\n" + _many(b'"'),
    "zeros": lambda: bytes(64 * MIB),
    "random": lambda: os.urandom(64 * MIB),
    "utf-16": lambda: b"\xff\xfe" + _many("\u4e00".encode("utf-16-le")),
    "zip": lambda: _zip(60 * MIB),
    "zip-of-many": _long_directory,
    "authy-tokens": lambda: b"[" + b'{"encrypted_seed":"AAAA"},' * 49_000 + b"{}]",
    "no-zip": lambda: b"PK\x03\x04raivo-otp-export.json" + os.urandom(60 * MIB),
    "openpgp": lambda: b"\x8c\x0d\x04\x09\x03\x02" + os.urandom(60 * MIB),
    "html": lambda: b"<html>" + _many(b"<a>"),
    "deep-xml": lambda: b"<?xml version='1.0'?>" + _many(b"<map>"),
    "xml-entities": lambda: (
        b"<?xml version='1.0'?><!DOCTYPE map [<!ENTITY a 'aaaaaaaaaa'>"
        b"<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>]>"
        b"<map><string name='a'>&c;</string></map>"
    ),
    "yaml": lambda: b"- name: x\n  accounts:\n" + b"  - {name: a, token: b}\n" * 400_000,
    "yaml-aliases": lambda: b"a: &a [x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\n" * 1000,
    "freeotp": lambda: (
        b'{"tokens":[' + b'{"secret":[1],"label":""},' * 220_000 + b'{}],"tokenOrder":[]}'
    ),
    "stratum": lambda: (
        b'{"Categories":[],"Authenticators":[' + b'{"Type":2,"Secret":""},' * 290_000 + b"{}]}"
    ),
    "cotp": lambda: b'{"version":2,"elements":[' + b'{"secret":"","type":"TOTP"},' * 290_000 + b"{}]}",
    "otpclient": lambda: (
        b"[" + b'{"type":"TOTP","label":"","secret":"","algo":"SHA1"},' * 190_000 + b"{}]"
    ),
    "2fa": lambda: b"a 6 AAAAAAAA\n" * 490_000,
    "keepass": lambda: b"Group,Title,Username,Password,URL,Notes,TOTP\n" + b",,,,,,A\n" * 490_000,
    "ente": lambda: b"otpauth://totp/a?secret=AAAAAAAA&codeDisplay={}\n" * 490_000,
    "totp-cli": lambda: (
        b"- name: x\n  accounts:\n" + b"    - name: a\n      token: AAAAAAAA\n" * 240_000
    ),
    "steam": lambda: b"[" + b'{"shared_secret":"AAAA"},' * 300_000 + b"{}]",
}
