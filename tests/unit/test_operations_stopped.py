"""Stopped anywhere for longer than its lease, a command changes nothing afterwards that readers see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_place import Place, learnfold
from stopping import Stopped

from conftest import tries
from learnfold.batch.history import missing_files
from learnfold.batch.manifest import read_current
from learnfold.operate.files import verify_files

pytestmark = pytest.mark.slow

LEASE = {"LEARNFOLD_LEASE_SECONDS": "5"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Three batches, the last of which one more file is to come to."""
    place = Place(tmp_path)
    for day in (1, 2, 3):
        place.watch(day, f"u{day}")
        place.run()
    place.watch(4, "u4")
    return place


def others(place: Place, *words: str) -> None:
    """Somebody else's command, which must end well though the stopped one holds what it needs."""
    done = learnfold(*words, **LEASE)
    assert done.returncode == 0, done.stderr


def readers_see(place: Place, batch: str, viewers: set[str]) -> None:
    """That batch, whole, with these viewers, also at the plain paths."""
    assert place.current().batch == batch
    assert missing_files(place.storage, place.current()) == []
    assert place.viewers() == viewers
    found = verify_files(place.workspace())
    assert (found.published, found.plain) == ([], [])


def gives_up(stopped: Stopped) -> None:
    """It goes on, and ends with a message that says why it changed nothing more."""
    code, said = stopped.go_on()
    assert code == 1, said
    assert "Traceback" not in said
    assert "was silent so long that another one took over" in said or "meanwhile; nothing was published" in said, said


@pytest.mark.parametrize("number", [1, 5, 9][: max(2, tries(3))])
def test_a_stopped_run_puts_no_old_views_back(place: Place, number: int) -> None:
    """Before the pointer, before any of the plain paths, before the note of them: the run that came after stays published."""
    stopped = Stopped(place, number, "run", place.master, place.out, "--job", "video")
    place.watch(5, "u5")
    others(place, "run", str(place.master), str(place.out), "--job", "video")
    now = place.current().batch
    gives_up(stopped)
    readers_see(place, now, {"u1", "u2", "u3", "u4", "u5"})
    assert place.run().batch is None


@pytest.mark.parametrize("number", [1, 5][: max(1, tries(2))])
def test_a_stopped_rollback_changes_nothing_afterwards(place: Place, number: int) -> None:
    """The run that came after stays published."""
    stopped = Stopped(place, number, "rollback", place.out)
    others(place, "run", str(place.master), str(place.out), "--job", "video")
    now = place.current().batch
    gives_up(stopped)
    readers_see(place, now, {"u1", "u2", "u3", "u4"})


@pytest.mark.parametrize("number", [1, 4][: max(1, tries(2))])
def test_a_stopped_cleaning_removes_nothing_of_what_is_published_since(place: Place, number: int) -> None:
    """Somebody published again a batch that it was about to remove."""
    place.run()
    made = [json.loads(path.read_bytes()) for path in (place.out / "_batches").glob("*/manifest.json")]
    oldest = min(made, key=lambda manifest: manifest["started_at"])["batch"]  # names of one second sort as it happens
    stopped = Stopped(place, number, "clean", place.out, "--keep", "1", "--grace-minutes", "0")
    names = [path.parent.name for path in (place.out / "_batches").glob("*/manifest.json")]
    if oldest in names:
        others(place, "rollback", str(place.out), oldest)
        viewers = {"u1"}
        now = place.current().batch
        gives_up(stopped)
    else:
        others(place, "run", str(place.master), str(place.out), "--job", "video", "--full")
        viewers, now = {"u1", "u2", "u3", "u4"}, place.current().batch
        code, said = stopped.go_on()
        assert code == 0, f"nobody needed its lease: {said}"
    assert place.current().batch == now
    assert place.viewers() == viewers
    assert missing_files(place.storage, place.current()) == []
    place.run()
    readers_see(place, place.current().batch, {"u1", "u2", "u3", "u4"})


@pytest.mark.parametrize("number", [1, 6, 20][: max(2, tries(3))])
def test_a_stopped_erasure_is_ended_by_the_same_command(place: Place, number: int) -> None:
    """Somebody else gave it meanwhile: the stopped one changes nothing afterwards."""
    erasing = ("erase", "u2", str(place.master), str(place.out), "--yes", "--json")
    stopped = Stopped(place, number, *erasing)
    others(place, *erasing)
    now = place.current().batch
    gives_up(stopped)
    readers_see(place, now, {"u1", "u3", "u4"})
    place.run()  # the stopped one may have put a file in place again: the same, at another time
    again = learnfold("erase", "u2", place.master, place.out)
    assert again.returncode == 0, again.stderr
    assert place.viewers() == {"u1", "u3", "u4"}


def test_a_stopped_run_whose_files_were_cleaned_away_publishes_nothing(place: Place) -> None:
    """A cleaning found it dead: the batch before stays, whole."""
    before = place.current().batch
    stopped = Stopped(place, 1, "run", place.master, place.out, "--job", "video")
    others(place, "clean", str(place.out), "--keep", "1", "--grace-minutes", "0")
    gives_up(stopped)
    readers_see(place, before, {"u1", "u2", "u3"})


def test_a_stopped_first_run_leaves_no_pointer_to_what_is_gone(tmp_path: Path) -> None:
    """There was no batch before; there is none afterwards."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    stopped = Stopped(place, 1, "run", place.master, place.out, "--job", "video")
    others(place, "clean", str(place.out), "--keep", "1", "--grace-minutes", "0")
    gives_up(stopped)
    assert read_current(place.storage) == (None, None)
    assert place.run().batch is not None
    assert place.viewers() == {"u1"}


def test_a_run_that_was_stopped_shortly_goes_on(place: Place) -> None:
    """Nobody took its lease over: it publishes as if nothing had been."""
    stopped = Stopped(place, 1, "run", place.master, place.out, "--job", "video")
    code, said = stopped.go_on()
    assert code == 0, said
    readers_see(place, place.current().batch, {"u1", "u2", "u3", "u4"})
