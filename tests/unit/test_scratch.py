"""A folder for work goes away with its owner, however that ends."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from learnfold.errors import StorageError
from learnfold.storage.scratch import Scratch

HOLD = """
import sys, time
from pathlib import Path
from learnfold.storage.scratch import Scratch
scratch = Scratch(sys.argv[1])
Path(scratch.name, "work").write_text("x")
print(scratch.name, flush=True)
time.sleep(60)
"""


def test_it_goes_when_it_is_closed_or_no_longer_used(tmp_path: Path) -> None:
    """With all that is in it."""
    one, other = Scratch(str(tmp_path)), Scratch(str(tmp_path))
    assert one.name != other.name
    (one.path / "a" / "b").mkdir(parents=True)
    one.cleanup()
    one.cleanup()
    assert list(tmp_path.iterdir()) == [other.path]
    del other
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_dead_process_left_the_next_removes(tmp_path: Path, how: signal.Signals) -> None:
    """And leaves the folders of the living, and everything that isn't learnfold's."""
    (tmp_path / "learnfold-notes").mkdir()
    processes = [
        subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        dead, alive = (Path(process.stdout.readline().strip()) for process in processes if process.stdout)
        processes[0].send_signal(how)
        processes[0].wait()
        Scratch(str(tmp_path)).cleanup()
        assert (dead.exists(), alive.exists()) == (False, True)
        assert (alive / "work").read_text() == "x"
        assert (tmp_path / "learnfold-notes").exists()
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_a_place_that_cannot_hold_it_is_said(tmp_path: Path) -> None:
    """With the setting that names another."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="LEARNFOLD_TEMPORARY_FOLDER"):
        Scratch(str(tmp_path / "file" / "below"))
