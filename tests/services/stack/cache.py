"""What is built or fetched once and kept: one folder, each thing made under a lock and then put there in one step."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path


def cache_folder() -> Path:
    """The folder of everything made once: LEARNFOLD_CACHE, else learnfold in XDG_CACHE_HOME, else in ~/.cache."""
    if chosen := os.environ.get("LEARNFOLD_CACHE"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "learnfold"


@contextlib.contextmanager
def locked(path: Path, patience_seconds: float) -> Iterator[None]:
    """Nobody else holds this lock file meanwhile; a holder that dies lets it go.

    Raises:
        TimeoutError: another held it all the time.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        end = time.monotonic() + patience_seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise TimeoutError(f"{path} was held by another process for {patience_seconds:.0f} s.") from None
                time.sleep(0.1)
        yield


def made(name: str, make: Callable[[Path], object], patience_seconds: float = 1800) -> Path:
    """The folder `name` of the cache, filled by `make(folder)` if it isn't there; whole or absent, whoever dies."""
    target = cache_folder() / name
    with locked(target.with_name(f"{name}.lock"), patience_seconds):
        if not target.exists():
            unfinished = Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=".new", dir=target.parent))
            try:
                make(unfinished)
                unfinished.chmod(0o755)
                unfinished.rename(target)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return target
