"""What a reader finds at a place, on S3 as in a folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq

import oracle
from learnfold import catalog
from learnfold.batch.manifest import read_current
from learnfold.storage import Storage
from learnfold.storage.concurrency import map_concurrently
from promises.growing import COUNTED
from services.places import ROOT, Place
from services.stack.process import run

Rows = list[dict[str, object]]


def learnfold(place: Place, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end, in the place's environment."""
    return run(command(*words), place.process_environment(**environment), timeout_seconds=180)


def command(*words: object) -> list[str]:
    """The command line of ``learnfold``, or of a script of the repository."""
    if str(words[0]).endswith(".py"):
        return [sys.executable, str(ROOT / str(words[0])), *map(str, words[1:])]
    return [sys.executable, "-m", "learnfold", *map(str, words)]


def upload(folder: Path, place: Place, paths: list[Path] | None = None) -> None:
    """Puts the files of a folder (``paths`` of them) at the place."""
    storage = place.open()

    def put(file: Path) -> None:
        with storage.new(file.relative_to(folder).as_posix()) as new:
            shutil.copyfile(file, new)

    map_concurrently(put, paths or [file for file in folder.rglob("*") if file.is_file()], 8)


def rows(storage: Storage, view: str) -> Rows:
    """The rows at the path that the seed promises."""
    with storage.local([f"{view}/part-00000.parquet"]) as (file,):
        return pq.read_table(file).to_pylist()


def differences(expected: Storage, actual: Storage) -> list[str]:
    """How the plain paths of two places differ, in any view; types too."""
    found = []
    names = list(catalog.load().views)
    paths = [f"{name}/part-00000.parquet" for name in names]
    with expected.local(paths) as old, actual.local(paths) as new:
        for name, one, other in zip(names, old, new, strict=True):
            before, after = pq.read_table(one), pq.read_table(other)
            if before.schema != after.schema:
                found.append(f"{name}: {before.schema} became {after.schema}")
            found += [
                f"{name}: {line}"
                for line in oracle.same(before.to_pylist(), after.to_pylist(), catalog.load().view(name).key)
            ]
    return found


def whole(storage: Storage) -> tuple[str | None, int]:
    """The published batch and how many events of each topic it counts; fails where its views don't agree."""
    manifest, _ = read_current(storage)
    if manifest is None:
        return None, 0
    return manifest.batch, _counted(storage, {view: manifest.views[view].paths[0] for view in COUNTED})


def plain(storage: Storage) -> int:
    """What the plain paths count; fails where they don't agree."""
    return _counted(storage, {view: f"{view}/part-00000.parquet" for view in COUNTED})


def _counted(storage: Storage, paths: dict[str, str]) -> int:
    with storage.local(list(paths.values())) as files:
        sums = {
            view: sum(pq.read_table(file).column(COUNTED[view]).to_pylist())
            for view, file in zip(paths, files, strict=True)
        }
    assert len(set(sums.values())) == 1, f"this is no whole batch: {sums}"
    return next(iter(sums.values()))


class Reader(threading.Thread):
    """Looks at the published batch all the time."""

    def __init__(self, place: Place) -> None:
        super().__init__(daemon=True)
        self._place, self.over = place, threading.Event()
        self.seen: set[tuple[str | None, int]] = set()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Opens the place anew each time, as readers do."""
        while not self.over.wait(0.05):
            try:
                self.seen.add(whole(self._place.open()))
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
                self.error = error
                return

    def stop(self) -> None:
        """Ends the looking; raises what it met."""
        self.over.set()
        self.join()
        if self.error:
            raise self.error
