"""The Containerfile: what it copies is there, what it pins was tested, what it starts is ours.

No container engine runs in the tests; the steps that need one are the RUN lines.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import click

from deploy.units import DEPLOY, ROOT
from server_processes import server_process
from watchword_server.cli import cli
from watchword_server.seal import CREDENTIAL_NAME, Ring
from watchword_server.settings import load_settings

TEXT = (DEPLOY / "Containerfile").read_text("utf-8")
LINES = [line for line in TEXT.replace("\\\n", " ").splitlines() if line and line[0] != "#"]


def instructions(name: str) -> list[str]:
    """What follows an instruction's name, for each of its lines."""
    return [line.partition(" ")[2].strip() for line in LINES if line.partition(" ")[0] == name]


def copied() -> set[str]:
    """The paths of the checkout that are copied into the image."""
    lines = [line.split() for line in instructions("COPY") if not line.startswith("--from=build ")]
    return {path.rstrip("/") for *paths, _ in lines for path in paths}


def environment() -> dict[str, str]:
    """The variables of the finished image."""
    return dict(re.findall(r"(\S+?)=(\S+)", instructions("ENV")[-1]))


def pins(file: str) -> set[str]:
    return set(re.findall(r"^\S+==\S+", (ROOT / file).read_text("utf-8"), re.MULTILINE))


def test_what_is_copied_is_there_and_is_all_that_is_sent() -> None:
    assert [path for path in copied() if not (ROOT / path).exists()] == []
    first, *others = [
        line
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line and line[0] != "#"
    ]
    assert first == "*"
    assert {line[1:] for line in others if line[0] == "!"} == copied()


def test_what_is_installed_was_tested_and_is_all_that_is_needed() -> None:
    deployed = pins("deploy/requirements.txt")
    assert deployed < pins("requirements/locked.txt")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["uvloop"]]
    names = {re.split(r"[=<>\[ ]", pin)[0] for pin in deployed}
    assert {re.split(r"[=<>\[ ]", line)[0] for line in wanted} <= names
    installs = [
        line for line in instructions("RUN") if "--no-index" not in line and " install --no" in line
    ]
    assert len(installs) == 2
    assert all("--no-deps --require-hashes" in line for line in installs)


def test_every_base_is_a_short_name() -> None:
    assert instructions("ARG") == ["PYTHON=python:3.13-slim"]
    assert instructions("FROM") == ["${PYTHON} AS build", "${PYTHON}"]


def test_it_is_nobodys_user_and_gets_its_signals() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", instructions("USER")[-1])
    # The form without a shell, which would keep SIGTERM to itself.
    words = [*json.loads(instructions("ENTRYPOINT")[0]), *json.loads(instructions("CMD")[0])]
    assert words == ["watchword-server", "serve"]
    command = cli.get_command(click.Context(cli), words[1])
    assert command is not None
    command.make_context(words[0], words[2:])


def test_its_settings_are_settings_and_its_data_is_in_the_volume() -> None:
    settings = load_settings({}, environment())
    assert settings.data_dir == instructions("VOLUME")[0]
    assert str(settings.port) == instructions("EXPOSE")[0]
    # Without TLS, or a word that a proxy has it, the server does not start.
    assert not settings.insecure_http


def test_the_health_check_tells_a_ready_server_from_one_that_is_not(tmp_path: Path) -> None:
    (line,) = instructions("HEALTHCHECK")
    command = json.loads(line.partition("CMD ")[2])
    assert command[0] == "python"

    def ask(port: int) -> int:
        done = subprocess.run(
            [sys.executable, *command[1:]],
            env={"PATH": os.environ["PATH"], "WATCHWORD_SERVER_PORT": str(port)},
            capture_output=True,
            timeout=30,
            check=False,
        )
        return done.returncode

    with server_process(tmp_path) as running:
        port = int(running.url.rpartition(":")[2])
        assert ask(port) == 0
        Path(running.database).rename(tmp_path / "away")
        deadline = time.monotonic() + 10
        while ask(port) == 0:
            assert time.monotonic() < deadline
    assert ask(port) == 1


def test_a_secret_of_the_container_is_the_sealing_keys(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / CREDENTIAL_NAME).write_text(Ring.generate().text())
    assert environment()["CREDENTIALS_DIRECTORY"] == "/run/secrets"
    with server_process(tmp_path, environment={"CREDENTIALS_DIRECTORY": str(secrets)}) as running:
        assert running.token is not None
    assert not list((tmp_path / "state").rglob("sealing.keys"))
