"""An earlier batch published again is what readers see, and the next run goes on from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_place import Place, data, learnfold

from learnfold.batch.history import missing_files
from learnfold.errors import BusyError, MissingDataError, UsageError
from learnfold.operate.rollback import rollback
from learnfold.settings import Settings
from learnfold.storage.lease import held


def back(place: Place, name: str = "previous") -> str:
    """Rolls back; returns the new batch."""
    return rollback(place.workspace(), name).manifest.batch


def test_a_rollback_shows_the_batch_before_and_the_next_run_heals(tmp_path: Path) -> None:
    """Readers see the earlier content, under a new batch; the next run folds what came since and nothing else."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    first = place.run().manifest
    place.watch(2, "u2")
    second = place.run().manifest
    batch = back(place)
    current = place.current()
    assert (current.batch, current.action, current.of, current.parent) == (batch, "rollback", first.batch, second.batch)
    assert {name: replace(view, paths=[]) for name, view in current.views.items()} == {
        name: replace(view, paths=[]) for name, view in first.views.items()
    }
    assert current.files().isdisjoint(path for view in first.views.values() for path in view.paths), "it has its own"
    assert place.viewers() == {"u1"}
    again = place.run().manifest
    assert place.viewers() == {"u1", "u2"}
    assert again.jobs["video"].folded_days == 1
    assert again.parent == batch


def test_two_rollbacks_go_two_batches_back(tmp_path: Path) -> None:
    """The batch before a batch that was published again is the one before the original, not the one just left."""
    place = Place(tmp_path)
    for day in (1, 2, 3):
        place.watch(day, f"u{day}")
        place.run()
    back(place)
    assert place.viewers() == {"u1", "u2"}
    back(place)
    assert place.viewers() == {"u1"}
    with pytest.raises(MissingDataError, match="no batch before"):
        back(place)


def test_jobs_that_the_earlier_batch_does_not_hold_stay(tmp_path: Path) -> None:
    """What was never in a batch can't be taken back with it, and the user is told."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    first = place.run("video").manifest.batch
    place.run("auth")
    report = rollback(place.workspace(), first)
    assert report.stayed == ["auth"]
    assert set(place.current().jobs) == {"video", "auth"}


def test_a_batch_whose_files_are_gone_is_not_published(tmp_path: Path) -> None:
    """A file that is missing is named, and nothing is changed."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    first = place.run().manifest
    place.watch(2, "u2")
    second = place.run().manifest
    path = first.views["video_popularity"].paths[0]
    (place.out / path).unlink()
    assert missing_files(place.storage, first) == [path]
    with pytest.raises(MissingDataError, match=r"video_popularity/part-00000\.parquet"):
        back(place)
    assert place.current().batch == second.batch
    assert place.viewers() == {"u1", "u2"}


def test_what_is_published_is_not_published_again(tmp_path: Path) -> None:
    """Rolling back to the current batch is a mistake, and said."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run()
    with pytest.raises(UsageError, match="see already"):
        back(place, "current")


def test_a_rollback_waits_for_no_run_and_is_told_who_is_at_work(tmp_path: Path) -> None:
    """While a run holds a job, nothing is published over it."""
    place = Place(tmp_path)
    for day in (1, 2):
        place.watch(day, "u1")
        place.run()
    with held(place.storage, ["course"], Settings()), pytest.raises(BusyError, match="is writing course"):
        back(place)


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    """By default the batch before; a name or its beginning otherwise; wrong names exit with 1 and say what there is."""
    place = Place(tmp_path)
    for day in (1, 2):
        place.watch(day, f"u{day}")
        place.run()
    first = place.current().parent
    result = learnfold("rollback", place.out)
    assert result.returncode == 0, result.stderr
    assert f"published {first} again, as batch {place.current().batch}" in result.stdout
    place.run()
    assert data("rollback", place.out, str(first)[:-2])["of"] == first
    wrong = learnfold("rollback", place.out, "nope")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "there is no batch 'nope'" in wrong.stderr
    nothing = learnfold("rollback", tmp_path / "elsewhere")
    assert nothing.returncode == 1
    assert not (tmp_path / "elsewhere").exists(), "asking makes no place"
