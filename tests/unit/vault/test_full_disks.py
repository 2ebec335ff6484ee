"""A disk without room, and one that may only be read: the old vault stays, and the person is told."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unit.vault.saver import account
from watchword_tui.errors import VaultError
from watchword_tui.vault.document import Document
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

if TYPE_CHECKING:
    from collections.abc import Iterator

SAVER = Path(__file__).with_name("saver.py")
SAVE = f'"{sys.executable}" "{SAVER}" "$0/vault.json" rows'
LARGE = "x" * 90


def may_mount() -> bool:
    tool = shutil.which("unshare")
    return tool is not None and subprocess.run([tool, "-m", "true"], check=False).returncode == 0


def large_vault(folder: Path) -> VaultStore:
    store = VaultStore(folder / "vault.json")
    accounts = [account(LARGE) for _ in range(200)]
    vault = create_vault(store, None, Document().with_added(accounts))
    vault.commit(vault.document.with_added([account("the last one")]))
    return store


def in_a_file_system(folder: Path, script: str) -> list[str]:
    """Run a script that sees a small file system of its own at `folder`; give the lines it wrote."""
    mount = 'mount -t tmpfs -o size=192k,mode=700 none "$0"'
    ended = subprocess.run(
        ["unshare", "-m", "sh", "-ec", f"{mount}\n{script}", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


@pytest.mark.skipif(
    not may_mount(), reason="may not mount; the limit on a file's size below is the same by another way"
)
class TestFileSystems:
    @pytest.fixture
    def source(self, tmp_path: Path) -> VaultStore:
        (tmp_path / "source").mkdir()
        (tmp_path / "disk").mkdir()
        return large_vault(tmp_path / "source")

    def test_a_full_disk(self, source: VaultStore, tmp_path: Path) -> None:
        folder = tmp_path / "disk"
        copy = f'cp "{source.path}" "$0"; sha256sum < "$0/vault.json"'
        fill = 'dd if=/dev/zero of="$0/ballast" 2>/dev/null || true'
        look = 'sha256sum < "$0/vault.json"; ls -A "$0"'
        again = f'rm "$0/ballast"; {SAVE}; sha256sum < "$0/vault.json"; ls -A "$0"'
        lines = in_a_file_system(folder, f"{copy}\n{fill}\n{SAVE}\n{look}\n{again}")
        before, message, after, *rest = lines
        cannot = f"cannot write {folder}/vault.json: No space left on device"
        assert message == f"{cannot}; nothing was saved; free some space"
        assert after == before
        assert rest[:3] == [".vault.json.lock", "ballast", "vault.json"]
        assert rest[3] != before
        assert rest[4:] == [".vault.json.lock", "vault.json", "vault.json.bak1"]

    def test_a_disk_that_may_only_be_read(self, source: VaultStore, tmp_path: Path) -> None:
        folder = tmp_path / "disk"
        copy = f'cp "{source.path}" "$0"; sha256sum < "$0/vault.json"; mount -o remount,ro "$0"'
        lines = in_a_file_system(folder, f'{copy}\n{SAVE}\nsha256sum < "$0/vault.json"')
        before, message, after = lines
        cannot = f"cannot write {folder}/vault.json: Read-only file system"
        assert message == f"{cannot}; nothing was saved; it is on a disk that may only be read"
        assert after == before


@pytest.fixture
def no_room() -> Iterator[None]:
    """No file may grow any further: the limit of the process stands for the end of the disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signalled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, signalled)


def test_a_limit_on_files_leaves_the_old_one(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    store = large_vault(tmp_path)
    vault = read_vault(store).open_plain()
    document = vault.document
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    request.getfixturevalue("no_room")
    with pytest.raises(VaultError, match="File too large; nothing was saved; the system limits"):
        vault.commit(document.with_added([account("new")]))
    assert vault.document is document
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
