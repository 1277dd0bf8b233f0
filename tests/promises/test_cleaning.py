"""Cleaning beside runs takes nothing that a batch needs, whichever comes first."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import tries
from learnfold.batch.history import missing_files
from learnfold.batch.manifest import read_current
from learnfold.storage.folder import FolderStorage
from promises.growing import grow, learnfold

pytestmark = pytest.mark.slow

RUNS = """
import sys
from learnfold import catalog
from learnfold.batch.request import RunRequest, Scope
from learnfold.batch.run import run
from learnfold.settings import Settings
master, out, job, times = sys.argv[1:]
for _ in range(int(times)):
    run(RunRequest(master, out, (job,), Scope(full=True)), catalog.load(), Settings(keep_batches=1000))
"""
"""Full runs of one job, one after the other."""

CLEANS = """
import sys
from datetime import timedelta
from learnfold import catalog
from learnfold.batch import clean as module
from learnfold.batch.clean import clean
from learnfold.batch.context import Workspace
from learnfold.errors import BusyError
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
module._CLOCKS = timedelta(milliseconds=50)  # one machine has one clock
workspace = Workspace(FolderStorage(sys.argv[1]), catalog.load(), Settings(keep_batches=1, grace_minutes=0))
while True:
    try:
        print(len(clean(workspace).files), flush=True)
    except BusyError:
        pass
"""
"""Cleaning without a pause and without a grace."""


class Watch(threading.Thread):
    """Looks all the time whether the published batch has all its files."""

    def __init__(self, out: Path) -> None:
        super().__init__(daemon=True)
        self.out, self.over, self.gone, self.looked = FolderStorage(str(out)), threading.Event(), [], 0

    def run(self) -> None:
        while not self.over.wait(0.005):
            manifest, _ = read_current(self.out)
            assert manifest is not None
            gone = missing_files(self.out, manifest)
            current, _ = read_current(self.out)
            if gone and current is not None and current.batch == manifest.batch:
                self.gone.append((manifest.batch, gone))
            self.looked += 1


def test_no_file_of_the_published_batch_is_ever_gone(tmp_path: Path) -> None:
    """Two jobs run over and over while somebody cleans over and over: every batch is whole while it is published."""
    master, out = tmp_path / "master", tmp_path / "out"
    grow(master, 0)
    for topic in ("video_topic", "course_topic"):
        pq.write_table(pa.table({"value": ["not json"]}), master / f"topic={topic}/bad.parquet")
    assert learnfold("run", master, out).returncode == 0
    watch = Watch(out)
    watch.start()
    cleaning = subprocess.Popen([sys.executable, "-c", CLEANS, str(out)], stdout=subprocess.PIPE, text=True)
    try:
        runs = [
            subprocess.Popen(
                [sys.executable, "-c", RUNS, str(master), str(out), job, str(tries(15))],
                stderr=subprocess.PIPE,
                text=True,
            )
            for job in ("video", "course")
        ]
        talks = [run.communicate(timeout=500)[1] for run in runs]
    finally:
        cleaning.kill()
        removed = [int(line) for line in cleaning.communicate()[0].split()]
        watch.over.set()
        watch.join()
    for run, talk in zip(runs, talks, strict=True):
        assert run.returncode == 0 or "is writing" in talk, talk
    assert watch.gone == []
    assert watch.looked > 10
    assert sum(removed) > 20, "nothing was cleaned while they ran"
    assert learnfold("run", master, out).returncode == 0  # what reads both jobs' views is as they are, too
    assert learnfold("verify", master, out).returncode == 0
