"""What is shipped: the sdist, the wheel made from it, and that wheel alone in an empty environment."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from e2e.sandbox import Sandbox
from programs import cannot_run

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = {"watchword_otp": "otp", "watchword_server": "server", "watchword_tui": "tui"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT))
    assert built.returncode == 0, built.stdout
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False
    )


def test_the_wheel_holds_exactly_the_three_packages(wheel: Path) -> None:
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {
        str(path.relative_to(ROOT / root))
        for package, root in SOURCE_ROOTS.items()
        for path in (ROOT / root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert shipped == ours
    assert {f"{package}/py.typed" for package in SOURCE_ROOTS} <= shipped
    assert {
        "watchword_tui/watchword.tcss",
        "watchword_server/store/migrations/0001_keys_and_tokens.sql",
    } <= shipped


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (
        archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")
    )
    (scripts,) = (
        archive.read(name).decode() for name in archive.namelist() if name.endswith("entry_points.txt")
    )

    assert re.search(r"^Requires-Python: >=3\.11$", metadata, re.MULTILINE)
    assert re.search(r"^License-Expression: MIT$", metadata, re.MULTILINE)
    assert {line.partition(" = ")[0] for line in scripts.splitlines() if "=" in line} == {
        "watchword",
        "watchword-server",
    }


def test_the_sdist_can_be_tested_by_who_gets_it(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    wanted = {
        "LICENSE",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "requirements/locked.txt",
        "scripts/setup",
    }
    assert wanted <= names
    assert "tests/e2e/test_package.py" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith((".venv", "build"))]


def test_the_wheel_alone_runs_the_demo_and_leaves_nothing(
    wheel: Path, tmp_path: Path, sandbox: Sandbox
) -> None:
    environment = tmp_path / "environment"
    python = str(environment / "bin" / "python")
    assert run(sys.executable, "-m", "venv", "--without-pip", str(environment)).returncode == 0
    install = (sys.executable, "-m", "pip", "--python", python, "install", "--disable-pip-version-check")

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = re.findall(r"^\S+==\S+", (ROOT / "requirements/locked.txt").read_text("utf-8"), re.MULTILINE)
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(pins))
    brought = run(*install, "--constraint", str(constraints), *project["dependencies"])
    if brought.returncode:
        cannot_run(f"the dependencies cannot be had from here: {brought.stdout.splitlines()[-1]}")
    # Without an index: what the wheel asks for is what pyproject.toml says, and that is there.
    installed = run(*install, "--no-index", str(wheel))
    assert installed.returncode == 0, installed.stdout

    demo = subprocess.run(
        [environment / "bin" / "watchword", "demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=sandbox.work,
        env=sandbox.environment,
        timeout=60,
        check=False,
    )

    assert (demo.returncode, demo.stderr) == (0, "")
    steps = [line.split(maxsplit=1) for line in demo.stdout.splitlines()]
    assert [name for name, _ in steps] == [
        *("server", "enrol", "code", "check", "again", "phone", "confirm", "stop"),
    ]
    words = dict(steps)
    assert words["check"].startswith("accepted: ")
    assert words["again"].startswith("not valid: already used")
    assert sandbox.leftovers() == []
