"""Write requirements/*.txt and deploy/requirements.txt from pyproject.toml, pinned and hashed.

`make requirements` runs this with pip-tools at hand. `requirements/build.txt` holds what builds source
packages and watchword itself and is installed first; `requirements/locked.txt` holds all the rest: what
runs, and the `dev` group. `deploy/requirements.txt` holds what a server is deployed with, at releases
that were tested: what runs, with PostgreSQL and uvloop. None names a host or a path, so any index
serves; the hashes cover every wheel of a release, so every platform and Python does.
"""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
REQUIREMENTS: Final = ROOT / "requirements"
DEPLOYED: Final = ROOT / "deploy" / "requirements.txt"

HEADER: Final = """\
# Written by `make requirements` from pyproject.toml; do not edit by hand.

"""


def wanted(pyproject: Path) -> tuple[list[str], list[str], list[str]]:
    """Return what building, developing and a deployed server ask for, as PEP 508 requirements."""
    settings = tomllib.loads(pyproject.read_text("utf-8"))
    groups, project = settings["dependency-groups"], settings["project"]
    build = [*settings["build-system"]["requires"], *groups["build"]]
    extras = project["optional-dependencies"]
    deployed = [*project["dependencies"], *extras["postgresql"], *extras["uvloop"]]
    return sorted(build), sorted([*project["dependencies"], *groups["dev"]]), sorted(deployed)


def lock(requirements: list[str], output: Path, arguments: list[str]) -> None:
    """Resolve requirements into a hashed file, keeping the pins it already holds unless told otherwise.

    Raises:
        subprocess.CalledProcessError: pip-compile could not resolve them; it has said why.
    """
    command = [
        *(sys.executable, "-m", "piptools", "compile", "--quiet", "--no-config"),
        *("--generate-hashes", "--allow-unsafe", "--strip-extras"),
        *("--no-header", "--no-annotate", "--no-emit-options"),
        *("--output-file", str(output), *arguments, "-"),
    ]
    subprocess.run(command, input="\n".join(requirements), text=True, check=True, cwd=ROOT)  # noqa: S603 - our own
    output.write_text(HEADER + output.read_text("utf-8").removeprefix(HEADER), "utf-8")


def main(arguments: list[str]) -> int:
    """Renew the files; the arguments go to pip-compile, for example `--upgrade`."""
    if sys.version_info[:2] != (3, 11):
        # A newer Python would leave out what only 3.11 asks for.
        print("requirements: run this with Python 3.11, the oldest supported one", file=sys.stderr)
        return 2
    build, developed, deployed = wanted(ROOT / "pyproject.toml")
    build_file, locked_file = REQUIREMENTS / "build.txt", REQUIREMENTS / "locked.txt"
    lock(build, build_file, arguments)
    lock(developed, locked_file, ["--constraint", str(build_file), *arguments])
    # Never an upgrade of its own: what is deployed is what was tested.
    lock(deployed, DEPLOYED, ["--constraint", str(locked_file)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
