"""docs/deploy.md: the files it installs are there, and the commands it shows are ours."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from deploy.units import DEPLOY, ROOT
from watchword_server.cli import cli

TEXT = (ROOT / "docs/deploy.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
LINES = [
    line for kind, block in BLOCKS if kind == "sh" for line in block.replace("\\\n", " ").splitlines()
]
COMMANDS = sorted(
    {
        found[1]
        for line in [*LINES, *re.findall(r"`([^`\n]+)`", TEXT)]
        if "systemctl" not in line
        for found in re.finditer(r"watchword-(?:admin|server) ([a-z][^|>`]*)", line)
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_is_one(command: str) -> None:
    rest = shlex.split(command)
    found: click.Command = cli
    while isinstance(found, click.Group):
        inner = found.get_command(click.Context(found), rest.pop(0))
        assert inner is not None, command
        found = inner
    found.make_context("watchword-server", rest)


def test_every_file_in_deploy_has_its_place_in_it() -> None:
    patterns = re.findall(r"deploy/[\w.*-]+", TEXT)
    named = {path.name for pattern in patterns for path in ROOT.glob(pattern)}
    ours = {path.name for path in DEPLOY.iterdir() if "watchword" in path.read_text("utf-8").lower()}
    assert len(ours) > 5
    assert ours - named - {"sshd_config"} == set()
    assert [pattern for pattern in patterns if not list(ROOT.glob(pattern))] == []


def test_the_alerts_are_on_metrics_that_there_are() -> None:
    (block,) = (block for _, block in BLOCKS if "rate(" in block)
    asked = {name.removesuffix("_bucket") for name in re.findall(r"watchword_\w+", block)}
    told = re.findall(
        r"^\| `(watchword_\w+)`", Path(ROOT / "docs/http.md").read_text("utf-8"), re.MULTILINE
    )
    assert asked <= set(told)
