"""The house rules that no single module can keep: who imports whom, how long files get, one version."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from watchword_otp import parse_uri
from watchword_tui.accounts import Account
from watchword_tui.vault.document import Document
from watchword_tui.vault.rows import SOURCE, new_id
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["otp/watchword_otp", "server/watchword_server", "tui/watchword_tui"]
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

OTPAUTH = "otpauth://totp/Example:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example\n"

IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
"""

RUN_COMMAND = """
import sys
from watchword_tui.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def imported_by(program: str, *arguments: str, directory: Path) -> set[str]:
    """Run a program in a new interpreter; give the top-level names of all it has imported."""
    tell = "\nimport sys\nprint('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
    ended = subprocess.run(
        [sys.executable, "-c", program + tell, *arguments],
        capture_output=True,
        text=True,
        cwd=directory,
        env={
            "HOME": str(directory),
            "WATCHWORD_CONFIG": str(directory / "config.toml"),
            "PATH": "/usr/bin:/bin",
        },
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.splitlines()[-1].split())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an empty settings file and one account, in a file and in a vault."""
    (tmp_path / "config.toml").touch()
    accounts = tmp_path / "accounts.txt"
    accounts.write_text(OTPAUTH)
    accounts.chmod(0o600)
    added = Account(parse_uri(OTPAUTH.strip()), SOURCE, id=new_id())
    create_vault(VaultStore(tmp_path / "vault.json"), None, Document().with_added([added]))
    return tmp_path


@pytest.mark.parametrize("package", ["watchword_otp", "watchword_server"])
def test_no_module_of_otp_or_the_server_imports_textual(package: str, home: Path) -> None:
    imported = imported_by(IMPORT_ALL, package, directory=home)

    assert package in imported
    assert "textual" not in imported


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("--help",),
        ("code", "--help"),
        ("check", "--help"),
        ("qr", "--help"),
        ("demo", "--help"),
        ("vault", "passphrase", "change", "--help"),
        ("code", "--accounts", "accounts.txt"),
        ("code", "--vault", "vault.json"),
        ("list", "--vault", "vault.json"),
        ("vault", "info", "--vault", "vault.json"),
        ("vault", "create", "--plain", "--vault", "new.json"),
        ("edit", "example", "--name", "bob", "--vault", "vault.json"),
        ("import", "accounts.txt", "--yes", "--vault", "vault.json"),
        ("export", "new.json", "--plain", "--yes", "--vault", "vault.json"),
        ("export", "new.svg", "--format", "qr", "--yes", "--vault", "vault.json"),
        ("completion", "zsh"),
        ("qr", "--accounts", "accounts.txt", "--drawing", "ascii"),
    ],
    ids=" ".join,
)
def test_the_command_line_does_not_import_textual(arguments: tuple[str, ...], home: Path) -> None:
    imported = imported_by(RUN_COMMAND, *arguments, directory=home)

    assert "watchword_tui" in imported
    assert "textual" not in imported


def test_no_module_of_the_app_imports_the_server_or_its_framework(home: Path) -> None:
    imported = imported_by(IMPORT_ALL, "watchword_tui", directory=home)

    assert "textual" in imported
    assert imported.isdisjoint({"aiohttp", "watchword_server"})


def test_the_arrows_between_the_packages_hold() -> None:
    ended = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_the_version_stands_in_one_place() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    literal = re.compile(rf"""["']{re.escape(stated)}["']""")

    assert version("watchword") == stated
    assert [path for path in SOURCES if literal.search(path.read_text("utf-8"))] == []
