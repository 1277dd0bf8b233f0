"""Where the seed's commands are run from: the repository as it stands, or a bare copy of it in a Python without learnfold."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """A folder to run commands in, and the Python that runs them."""

    folder: Path
    flags: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def python(self, *words: object, powers: Callable[[], None] | None = None, **environment: str) -> Result:
        """``python WORDS`` run here; it never ends in a traceback, and a failure prints no data."""
        done = subprocess.run(
            [sys.executable, *self.flags, *map(str, words)],
            cwd=self.folder,
            env={**os.environ, **self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            preexec_fn=powers,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert not done.returncode or not done.stdout, done.stdout
        assert not done.returncode or done.stderr, f"{words}: failed without a word"
        return Result(done.returncode, done.stdout, done.stderr)


def repository() -> Place:
    """The repository's root."""
    return Place(ROOT)


def bare_clone(folder: Path) -> Place:
    """A copy of the batch layer and its source, in a Python that has the dependencies but not learnfold."""
    for name in ("batch_layer", "src"):
        shutil.copytree(ROOT / name, folder / "clone" / name, ignore=shutil.ignore_patterns("__pycache__"))
    return Place(folder / "clone", ("-S",), {"PYTHONPATH": str(_without_learnfold(folder / "dependencies"))})


def _without_learnfold(folder: Path) -> Path:
    """A folder that leads to every installed package but learnfold; without ``site`` no .pth file leads to it either."""
    folder.mkdir()
    installed = [path for place in sys.path if Path(place).name == "site-packages" for path in Path(place).iterdir()]
    for path in installed:
        link = folder / path.name
        if "learnfold" not in path.name and path.suffix != ".pth" and not link.exists():
            link.symlink_to(path)
    return folder


def without_powers() -> None:
    """Makes root obey permissions like anyone else, from the next program on; does nothing to others."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
