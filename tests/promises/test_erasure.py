"""A person who is erased is nowhere, everything else is what it was, and it can be killed anywhere and said again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from conftest import tries
from learnfold import catalog
from learnfold.batch.context import Workspace
from learnfold.batch.request import Scope
from learnfold.operate.verify import verify
from learnfold.privacy.erase import erase
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from promises.absence import places, without
from promises.dataset import SHAPES, Dataset, folders
from promises.growing import EVENTS, grow, learnfold
from promises.messages import FIRST_DAY, TOPICS, streams
from promises.views import differences, run_job


@pytest.mark.slow
@pytest.mark.parametrize("job", TOPICS)
@settings(max_examples=tries(4))
@given(data=st.data())
def test_after_an_erasure_the_views_are_those_of_the_other_events(job: str, data: st.DataObject) -> None:
    """Whatever arrived in whatever shape and runs, erasing a person leaves the views of the events without theirs, and no trace."""
    with TemporaryDirectory() as folder:
        dataset, out = Dataset(Path(folder) / "master"), Path(folder) / "out"
        for step in range(data.draw(st.integers(1, 3))):
            note(f"step {step}")
            for topic in TOPICS[job]:
                stream = data.draw(streams(topic, 12))
                dataset.add(topic, stream, shape=data.draw(SHAPES), folder=data.draw(folders()))
            scope = Scope(first=FIRST_DAY.date(), last=FIRST_DAY.date()) if data.draw(st.booleans()) else Scope()
            run_job(dataset.root, out, job, scope=scope)
        workspace = Workspace(FolderStorage(str(out)), catalog.load(), Settings())
        done = erase(workspace, "u1", str(dataset.root), dry_run=False)
        left = without(dataset.messages, "u1")
        gone = sum(map(len, dataset.messages.values())) - sum(map(len, left.values()))
        if done.receipt is not None:
            assert sum(entry["rows"] for entry in done.receipt.files.values()) == gone
        else:
            assert gone == 0
        assert places(Path(folder), "u1") == []
        assert differences(out, left, job) == []
        assert run_job(dataset.root, out, job).batch is None, "the erasure leaves nothing for the next run"
        assert verify(workspace, str(dataset.root)).right
        assert erase(workspace, "u1", str(dataset.root), dry_run=False).nothing


KILLS = """
import os, signal, sys
from learnfold.storage import folder
left = [int(sys.argv[1])]
def count():
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
storage = folder.FolderStorage
new = storage.new
import contextlib
@contextlib.contextmanager
def dying(self, path):
    with new(self, path) as file:
        yield file
        count()          # written, not yet in place
    count()              # in place
storage.new = dying
for name in ("copy", "delete"):
    def method(self, *args, _old=getattr(storage, name)):
        count()
        return _old(self, *args)
    setattr(storage, name, method)
from learnfold.cli import main
code = main(["erase", "u3", sys.argv[2], sys.argv[3], "--yes"])
print(left[0], file=sys.stderr)
sys.exit(code)
"""
"""An erasure that kills itself at the n-th time that it changes anything on the disk."""


def _erase_killed(at: int, master: Path, out: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", KILLS, str(at), str(master), str(out)]
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)


def _grown(folder: Path) -> tuple[Path, Path]:
    master, out = folder / "master", folder / "out"
    for step in range(3):
        grow(master, step)
        assert learnfold("run", master, out).returncode == 0
    return master, out


@pytest.mark.slow
def test_an_erasure_killed_anywhere_is_finished_by_the_same_command(tmp_path: Path) -> None:
    """Kill -9 at any change it makes: said again it ends as if it had never been killed, with one receipt of all that went."""
    master, out = _grown(tmp_path / "whole")
    whole = _erase_killed(10**9, master, out)
    assert whole.returncode == 0, whole.stderr
    changes = 10**9 - int(whole.stderr.split()[-1])
    rows = _receipt(out)["files"]
    points = {1, changes - 1, changes, *random.Random(5).sample(range(1, changes + 1), min(changes, tries(4)))}
    for at in sorted(points):
        master, out = _grown(tmp_path / str(at))
        assert _erase_killed(at, master, out).returncode == -signal.SIGKILL
        again = learnfold("erase", "u3", master, out, "--yes")
        assert again.returncode == 0, again.stderr
        assert places(tmp_path / str(at), "u3") == [], f"killed at change {at} of {changes}"
        assert _receipt(out)["files"] == rows
        assert _receipt(out)["finished_at"]
        assert "nothing new" in learnfold("run", master, out).stdout
        checked = learnfold("verify", master, out)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert not [path for path in (tmp_path / str(at)).rglob("*.tmp-*") if "_locks" not in path.parts]


@pytest.mark.slow
def test_an_erasure_killed_twice_is_finished_by_the_third(tmp_path: Path) -> None:
    """Kill -9 again and again: what was done is never lost."""
    master, out = _grown(tmp_path)
    for at in (4, 9, 30, 80):
        killed = _erase_killed(at, master, out)
        assert killed.returncode in {0, -signal.SIGKILL}, killed.stderr
    assert learnfold("erase", "u3", master, out, "--yes").returncode == 0
    assert places(tmp_path, "u3") == []
    assert sum(_receipt(out)["rows_by_topic"].values()) == len(EVENTS) * 3 * 3


def _receipt(out: Path) -> dict[str, Any]:
    import json

    (path,) = (out / "_erasures").iterdir()
    return json.loads(path.read_text())
