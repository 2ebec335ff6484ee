"""What the documents say is there, and what is there stands in the documents."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner

from watchword_server import problems
from watchword_server.api import Auth
from watchword_server.cli import cli as watchword_server
from watchword_server.problems import ProblemType
from watchword_server.routes import ROUTES
from watchword_server.settings import CONFIG_VARIABLE, ENVIRONMENT_PREFIX, NAMES
from watchword_server.settings import Settings as ServerSettings
from watchword_server.store.protocol import Cause
from watchword_server.tokens import Scope
from watchword_tui import settings as app_settings
from watchword_tui.cli import watchword
from watchword_tui.errors import Exit

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README = (ROOT / "README.md").read_text("utf-8")
HTTP = (ROOT / "docs/http.md").read_text("utf-8")
SETTINGS = (ROOT / "docs/settings.md").read_text("utf-8")
PROGRAMS: dict[str, click.Group] = {"watchword": watchword, "watchword-server": watchword_server}


def snippets(text: str) -> list[str]:
    """The lines of a document's shell blocks, and every `code` within its text."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [*lines, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]


def shown_commands(text: str) -> Iterator[list[str]]:
    """Every command of ours that a document shows, up to a pipe or a comment."""
    for snippet in snippets(text):
        for command in re.findall(r"(?:^|\s)(watchword(?:-server)?(?:\s[^|]*)?)(?=\||$)", snippet):
            yield shlex.split(command, comments=True)


def subcommands(group: click.Group) -> dict[str, click.Command]:
    """The commands of a group by name, also those that are loaded when they are used."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def leaves(group: click.Group) -> Iterator[tuple[str, ...]]:
    """The words of every command below `group`."""
    for name, command in subcommands(group).items():
        if isinstance(command, click.Group):
            yield from ((name, *rest) for rest in leaves(command))
        else:
            yield (name,)


def path_of(words: list[str]) -> list[str]:
    """The leading words that name a command."""
    command: click.Command = PROGRAMS[words[0]]
    path = []
    for word in words[1:]:
        if not isinstance(command, click.Group) or word not in subcommands(command):
            break
        path.append(word)
        command = subcommands(command)[word]
    return path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_a_document_shows_exists_with_its_options(document: Path) -> None:
    for words in shown_commands(document.read_text("utf-8")):
        asked = CliRunner().invoke(PROGRAMS[words[0]], [*path_of(words), "--help"])

        assert asked.exit_code == 0, words
        for option in (word.partition("=")[0] for word in words if word.startswith("--")):
            assert re.search(rf"{option}\b", asked.output), words


def test_the_readme_shows_commands_at_all() -> None:
    shown = {(words[0], *path_of(words)) for words in shown_commands(README)}

    assert {("watchword",), ("watchword", "demo"), ("watchword-server", "serve")} <= shown


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_readme_names_every_command(program: str) -> None:
    for words in leaves(PROGRAMS[program]):
        assert re.search(rf"`(?:{program} )?{' '.join(words)}\b", README), words


def test_the_readme_names_every_exit_status() -> None:
    assert re.findall(r"^\| (\d) \|", README, re.MULTILINE) == [str(int(status)) for status in Exit]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_a_document_shows_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = re.findall(r"^make ([a-z]+)", "\n".join(snippets(document.read_text("utf-8"))), re.MULTILINE)

    assert set(shown) <= targets


@pytest.mark.parametrize("struct", [app_settings._File, app_settings._ProfileTable, ServerSettings])
def test_every_setting_is_documented(struct: type[msgspec.Struct]) -> None:
    prefix = "servers.NAME." if struct is app_settings._ProfileTable else ""
    for field in msgspec.structs.fields(struct):
        assert (
            f"`{prefix}{field.encode_name}`" in SETTINGS or f"`{field.encode_name}.NAME." in SETTINGS
        ), field.name


def test_every_flag_that_sets_something_is_documented() -> None:
    for command in (watchword, watchword_server.commands["serve"]):
        for option in (one for one in command.params if isinstance(one, click.Option)):
            if option.name not in {"help", "version"}:
                assert f"`{option.opts[0]}" in SETTINGS, option.opts


def test_every_variable_is_documented_and_no_other() -> None:
    sources = [path for folder in ("server", "tui") for path in (ROOT / folder).rglob("*.py")]
    read = {
        name
        for path in sources
        for name in re.findall(r'"(WATCHWORD_[A-Z_]*[A-Z])"', path.read_text("utf-8"))
    }
    known = read | {CONFIG_VARIABLE, *(f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in NAMES)}

    assert read <= set(re.findall(r"`(WATCHWORD_[A-Z_]+)`", SETTINGS)) <= known


def test_every_route_is_documented_with_its_scope() -> None:
    for route in ROUTES:
        if route.method != "HEAD":
            scope = f"`{route.scope}`" if route.scope else "none"
            if route.scope is Auth.TICKET:
                scope = "the ticket"
            assert f"| `{route.method} {route.path}` | {scope} |" in HTTP


def test_every_cause_of_a_503_is_documented() -> None:
    for cause in Cause:
        assert f"`{cause}`" in HTTP


def test_every_problem_is_documented_with_its_status() -> None:
    for problem in vars(problems).values():
        if isinstance(problem, ProblemType):
            assert f"| `{problem.slug}` | {problem.status} |" in HTTP


def test_every_scope_is_documented() -> None:
    for scope in Scope:
        assert f"| `{scope}` |" in HTTP
