"""What password managers export: CSV of many kinds, 1Password's 1PUX, Proton Pass' and others' ZIP."""

from __future__ import annotations

import io
import os
import zipfile
from typing import Any, ClassVar

import pytest

from foreign import read_bytes
from foreign_encoders import SECRET, SECRET_BYTES, as_json
from watchword_otp import Algorithm, Key, Kind, Secret
from watchword_tui.errors import ForeignFileError

URI = f"otpauth://totp/GitHub:alice?secret={SECRET}&issuer=GitHub"
KEY = Key(secret=Secret(SECRET_BYTES), issuer="GitHub", name="alice")


def archive(**members: bytes | str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("Title,URL,Username,Password,Notes,OTPAuth", f"GitHub,https://x,alice,p,mine,{URI}"),
        (
            "Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes",
            f'GitHub,https://x,alice,"p,w",{URI},true,false,,mine',
        ),
        (
            "url,username,password,totp,extra,name,grouping,fav",
            f"https://x,alice,p,{SECRET},mine,GitHub,,1",
        ),
        (
            "username,username2,username3,title,password,note,url,category,otpSecret",
            f"alice,a2,,GitHub,p,mine,https://x,,{SECRET}",
        ),
        ("username,title,password,note,url,category,otpUrl", f"alice,GitHub,p,mine,https://x,,{URI}"),
        (
            "type,name,url,email,username,password,note,totp,createTime,modifyTime,vault",
            f"login,GitHub,https://x,alice,,p,mine,{SECRET},1,2,",
        ),
        (
            "name,url,username,password,note,cardholdername,folder,totp",
            f"GitHub,u,alice,p,mine,,,{SECRET}",
        ),
        ("Name,Login,Password,Note,Two Factor,One-Time Password", f"GitHub,alice,p,mine,,{SECRET}"),
    ],
    ids=[
        "apple",
        "1password",
        "lastpass",
        "dashlane",
        "dashlane-uri",
        "proton-pass",
        "nordpass",
        "other",
    ],
)
def test_csv_is_read_whatever_its_columns_are_called(head: str, row: str) -> None:
    found = read_bytes(f"{head}\n{row}\n".encode())
    (entry,) = found.reading.entries
    assert found.format.name == "passwords-csv"
    assert (entry.key, entry.note) == (KEY, "mine")


def test_groups_and_favourites_come_along_from_csv() -> None:
    head = "title,username,otpauth,favorite,tags,folder"
    (entry,) = read_bytes(
        f'{head}\nGitHub,alice,{URI},yes,"work; home",Codes\n'.encode()
    ).reading.entries
    assert (entry.groups, entry.favourite) == (("Codes", "work", "home"), True)


def test_csv_made_of_an_authenticators_export_keeps_each_part_of_a_key() -> None:
    head = "name,secret,issuer,type,counter,digits,algorithm"
    rows = f"alice,{SECRET},GitHub,hotp,4,8,SHA256\nbob,{SECRET},,totp,,,\n"
    hotp, totp = read_bytes(f"{head}\n{rows}".encode()).reading.entries
    assert hotp.key is not None
    assert (hotp.key.kind, hotp.key.counter, hotp.key.digits) == (Kind.HOTP, 4, 8)
    assert (hotp.key.algorithm, hotp.issuer, hotp.name) == (Algorithm.SHA256, "GitHub", "alice")
    assert totp.key == Key(secret=Secret(SECRET_BYTES), name="bob")


def test_a_uri_is_found_in_any_column() -> None:
    (entry,) = read_bytes(f"name,whatever\nmine,{URI}\n".encode()).reading.entries
    assert entry.key == KEY


@pytest.mark.parametrize("cell", ["", "null", "0"])
def test_rows_without_a_code_are_passed_over_and_said(cell: str) -> None:
    found = read_bytes(f"username,title,password,otp\nalice,GitHub,p,{cell}\n".encode())
    assert found.reading.entries == ()
    assert found.reading.problems == ("none of the 1 rows has a one-time password",)


def test_a_label_that_repeats_the_title_gives_way_to_the_user() -> None:
    row = f"GitHub,alice,otpauth://totp/GitHub?secret={SECRET}"
    (entry,) = read_bytes(f"title,username,otpauth\n{row}\n".encode()).reading.entries
    assert (entry.key, entry.name) == (KEY, "alice")


@pytest.mark.parametrize("uri", [URI, f"?secret={SECRET}"], ids=["whole", "its end"])
def test_a_uri_that_slipped_into_a_label_is_not_shown(uri: str) -> None:
    text = f"title,username,otp\nGitHub,alice {uri},GEZDGNBVGY3TQOJQ\n"
    (entry,) = read_bytes(text.encode()).reading.entries
    assert (entry.issuer, entry.name.rstrip(" ?")) == ("GitHub", "alice")
    assert SECRET not in repr(entry)


def test_beside_an_issuer_and_a_user_another_name_says_least() -> None:
    text = f"issuer,name,username,secret\nGitHub,my phone,alice,{SECRET}\n"
    assert [entry.key for entry in read_bytes(text.encode()).reading.entries] == [KEY]


def test_dashlanes_archive_is_read_by_its_logins() -> None:
    packed = archive(
        **{"credentials.csv": f"username,title,otpUrl\nalice,GitHub,{URI}\n", "ids.csv": "type\n"}
    )
    assert [entry.key for entry in read_bytes(packed).reading.entries] == [KEY]


def onepux_item(*fields: dict[str, Any], **other: Any) -> dict[str, Any]:
    login = [{"designation": "password", "value": "p"}, {"designation": "username", "value": "alice"}]
    details = {"loginFields": login, "notesPlain": "mine", "sections": [{"fields": list(fields)}]}
    overview = {"title": "GitHub", "tags": ["web"]}
    return {"favIndex": 1, "state": "active", "overview": overview, "details": details} | other


def onepux(*items: object) -> bytes:
    vault = {"attrs": {"name": "Private"}, "items": list(items)}
    return as_json({"accounts": [{"attrs": {}, "vaults": [vault]}]})


class Test1Password:
    CODE: ClassVar[dict[str, Any]] = {"title": "one-time password", "value": {"totp": SECRET}}

    @pytest.mark.parametrize("packed", [False, True])
    def test_each_code_of_a_login_is_an_account(self, packed: bool) -> None:  # noqa: FBT001 - a case
        other = {"title": "second", "value": {"totp": f"{URI}&digits=8"}}
        note = {"title": "PIN", "value": {"concealed": "1"}}
        data = onepux(onepux_item(self.CODE, note, other), onepux_item(note, favIndex=0))
        if packed:
            members = {"export.attributes": b"{}", "export.data": data, "files/x": os.urandom(9 * 2**20)}
            data = archive(**members)
        found = read_bytes(data)
        one, two = found.reading.entries
        assert found.format.name == "1password"
        assert one.key == KEY
        assert (one.note, one.groups, one.favourite) == ("mine", ("Private", "web"), True)
        assert two.key is not None
        assert two.key.digits == 8

    def test_an_export_without_codes_says_so(self) -> None:
        assert read_bytes(onepux(onepux_item())).reading.problems == (
            "none of the 1 items has a one-time password",
        )


def proton_pass(*items: object) -> dict[str, Any]:
    return {"version": "1.21.2", "encrypted": False, "vaults": {"v": {"name": "Own", "items": [*items]}}}


def proton_item(uri: str, *extra: str, **other: Any) -> dict[str, Any]:
    fields = [{"fieldName": "f", "type": "totp", "data": {"totpUri": one}} for one in extra]
    content = {"itemEmail": "alice", "itemUsername": "", "totpUri": uri}
    metadata = {"name": "GitHub", "note": "mine"}
    data = {"metadata": metadata, "content": content, "extraFields": fields, "type": "login"}
    return {"data": data, "state": 1, "pinned": True} | other


class TestProtonPass:
    @pytest.mark.parametrize("packed", [False, True])
    def test_codes_of_logins_and_of_extra_fields_are_read(self, packed: bool) -> None:  # noqa: FBT001 - a case
        data = as_json(proton_pass(proton_item(SECRET, f"{URI}&digits=8"), proton_item("")))
        if packed:
            data = archive(**{"Proton Pass/data.json": data})
        found = read_bytes(data)
        one, two = found.reading.entries
        assert found.format.name == "proton-pass"
        assert (one.key, one.note, one.groups, one.favourite) == (KEY, "mine", ("Own",), True)
        assert two.key is not None
        assert two.key.digits == 8

    def test_what_is_in_the_trash_stays_there_and_is_counted(self) -> None:
        found = read_bytes(as_json(proton_pass(proton_item(SECRET, state=2), proton_item(SECRET))))
        assert len(found.reading.entries) == 1
        assert found.reading.problems == ("1 in the trash left out",)

    def test_what_stands_in_for_an_account_gives_way_to_the_user(self) -> None:
        uri = f"otpauth://totp/Proton%20Pass?secret={SECRET}&issuer=GitHub"
        (entry,) = read_bytes(as_json(proton_pass(proton_item(uri)))).reading.entries
        assert (entry.key, entry.name) == (KEY, "alice")

    def test_an_export_under_pgp_says_what_to_do(self) -> None:
        with pytest.raises(ForeignFileError) as caught:
            read_bytes(archive(**{"Proton Pass/data.pgp": "-----BEGIN PGP MESSAGE-----"}))
        assert "gpg --decrypt" in caught.value.remedy


class TestBitwarden:
    ITEM: ClassVar[dict[str, Any]] = {"name": "GitHub", "folderId": "f", "login": {"totp": URI}}
    FOLDERS: ClassVar[list[dict[str, str]]] = [{"id": "f", "name": "Work"}]

    def test_an_old_export_says_nothing_of_encryption(self) -> None:
        found = read_bytes(as_json({"folders": self.FOLDERS, "items": [self.ITEM]}))
        (entry,) = found.reading.entries
        assert (found.format.name, entry.key, entry.groups) == ("bitwarden", KEY, ("Work",))

    def test_an_export_with_attachments_is_an_archive(self) -> None:
        data = as_json({"encrypted": False, "items": [self.ITEM]})
        found = read_bytes(archive(**{"data.json": data, "attachments/a/x.txt": b"x"}))
        assert [entry.key for entry in found.reading.entries] == [KEY]


def test_an_archive_is_known_by_its_members_and_not_by_what_they_say() -> None:
    with pytest.raises(ForeignFileError, match="an archive"):
        read_bytes(archive(**{"readme.txt": "export.data and data.json"}))


def test_a_large_archive_with_a_long_directory_is_not_looked_into() -> None:
    names = {f"{number:0100}": b"" for number in range(8000)}
    large = {"export.data": onepux(onepux_item()), "files/x": os.urandom(8 * 2**20)}
    with pytest.raises(ForeignFileError, match="damaged"):
        read_bytes(archive(**names, **large))
