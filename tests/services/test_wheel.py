"""The wheel that ``make wheel`` builds, in a Python that has nothing else: it installs, it runs, it brings all its files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from learnfold import catalog
from services.stack.need import build

pytestmark = [pytest.mark.services, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
QUIET = ("--quiet", "--disable-pip-version-check")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It, built by the environment of the tests."""
    folder = tmp_path_factory.mktemp("dist")
    here = Path(sys.executable).parent
    build(["make", "-C", str(ROOT), "-o", ".venv/.dev", "wheel", f"BIN={here}", f"DIST={folder}"])
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment's folder of programs; the wheel's needs come from the package index, in the versions of the lock."""
    folder = tmp_path_factory.mktemp("bare")
    build([sys.executable, "-m", "venv", str(folder / "venv")])
    locked = (ROOT / "locks" / "core.txt").read_text(encoding="utf-8")
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(re.findall(r"^[a-z][^ ]+==[^ ]+", locked, re.MULTILINE)), encoding="utf-8")
    programs = folder / "venv" / "bin"
    build([str(programs / "pip"), "install", *QUIET, "-c", str(constraints), str(wheel)])
    return programs


def run(programs: Path, folder: Path, *words: str) -> str:
    """What a program of the environment prints, run in ``folder`` as one who has no clone runs it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        [str(programs / words[0]), *words[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    """SQL, jars' list and marks of types too; the licence beside it."""
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    source = {
        file.relative_to(ROOT / "src").as_posix()
        for file in (ROOT / "src" / "learnfold").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {name for name in held if ".dist-info/" not in name} == source
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in held)


def test_an_installed_wheel_needs_the_locked_packages_only(bare: Path, tmp_path: Path) -> None:
    """Beside pip and what it brings, the environment holds learnfold and its core dependencies."""
    shown = json.loads(run(bare, tmp_path, "pip", "list", *QUIET[1:], "--format=json"))
    listed = {package["name"].replace("_", "-") for package in shown}
    core = set(
        re.findall(r"^([a-z][a-z-]+)==", (ROOT / "locks" / "core.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert listed - {"pip", "setuptools", "wheel"} <= core | {"learnfold"}


def test_an_installed_wheel_does_what_the_readme_says(bare: Path, tmp_path: Path) -> None:
    """Its version, a made-up semester, all its views, and a look at one, far from any clone."""
    assert run(bare, tmp_path, "learnfold", "--version").split()[0] == "learnfold"
    run(bare, tmp_path, "learnfold", "generate", "master", "--events", "2000", "--days", "5")
    report = json.loads(run(bare, tmp_path, "learnfold", "run", "master", "views", "--json"))
    assert (report["published"], len(report["views"])) == (True, len(catalog.load().views))
    rows = json.loads(run(bare, tmp_path, "learnfold", "show", "video_popularity", "views", "--json"))
    assert sum(row["total_view_events"] for row in rows) > 0


def test_an_extra_is_added_as_the_messages_say(bare: Path, wheel: Path, tmp_path: Path) -> None:
    """``pip install '….whl[schedule]'`` adds to an installed learnfold what an extra needs, though no index has learnfold."""
    build([str(bare / "pip"), "install", *QUIET, f"{wheel}[schedule]"])
    assert "usage" in run(bare, tmp_path, "learnfold", "schedule", "--help")
    run(bare, tmp_path, "python", "-c", "import cronsim")
