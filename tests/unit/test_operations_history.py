"""Batches have names, an order, and one before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_place import Place

from learnfold.batch.history import batch_names, find_batch, previous, published
from learnfold.batch.manifest import new_batch
from learnfold.cli import main
from learnfold.errors import MissingDataError, UsageError
from learnfold.storage.out_layout import manifest_path


def three(tmp_path: Path) -> tuple[Place, list[str]]:
    """A place with three batches, oldest first."""
    place, batches = Place(tmp_path), []
    for day in (1, 2, 3):
        place.watch(day, "u1")
        batches.append(place.run().manifest.batch)
    return place, batches


def test_batches_come_newest_first(tmp_path: Path) -> None:
    """The chain of published batches, and as many of it as are asked for."""
    place, batches = three(tmp_path)
    assert [manifest.batch for manifest in published(place.storage)] == batches[::-1]
    assert [manifest.batch for manifest in published(place.storage, 2)] == batches[:0:-1]


def test_a_batch_that_was_never_published_is_not_in_the_history(tmp_path: Path) -> None:
    """A run that died before the pointer was swapped leaves a manifest that is nobody's parent."""
    place, batches = three(tmp_path)
    died = new_batch()
    value = json.loads((place.out / manifest_path(batches[-1])).read_text()) | {"batch": died, "parent": batches[-1]}
    place.storage.write(manifest_path(died), json.dumps(value).encode())
    assert [manifest.batch for manifest in published(place.storage)] == batches[::-1]
    assert died in batch_names(place.storage)


def test_batches_before_one_that_was_removed_are_still_found(tmp_path: Path) -> None:
    """An erasure may take a batch out of the middle."""
    place, batches = three(tmp_path)
    (place.out / manifest_path(batches[1])).unlink()
    assert [manifest.batch for manifest in published(place.storage)] == [batches[2], batches[0]]
    assert previous(place.storage).batch == batches[0]


def test_a_batch_is_found_by_any_beginning_that_is_its_own(tmp_path: Path) -> None:
    """Whole names, beginnings, current and previous are names; what several share or none has is refused."""
    place, batches = three(tmp_path)
    assert find_batch(place.storage, batches[0]).batch == batches[0]
    assert find_batch(place.storage, batches[0][:-3]).batch == batches[0]
    assert find_batch(place.storage, "current").batch == batches[2]
    assert find_batch(place.storage, "previous").batch == batches[1]
    with pytest.raises(UsageError, match="3 batches begin with '2'"):
        find_batch(place.storage, "2")
    with pytest.raises(MissingDataError, match="there is no batch 'x'"):
        find_batch(place.storage, "x")
    with pytest.raises(MissingDataError, match="there is no batch ''"):
        find_batch(place.storage, "")


def test_a_view_is_shown_as_of_a_batch_by_any_of_its_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``show --batch`` takes the names that every command takes, and refuses what they refuse."""
    place, batches = three(tmp_path)

    def shown(*batch: str) -> int:
        assert main(["show", "video_popularity", str(place.out), "--json", *batch]) == 0
        (row,) = json.loads(capsys.readouterr().out)
        return row["total_view_events"]

    assert [shown("--batch", batch) for batch in batches] == [1, 2, 3]
    assert shown("--batch", "previous") == 2
    assert shown("--batch", batches[0][:-3]) == 1
    assert shown("--batch", "current") == shown() == 3
    for batch, code, message in (("2", 2, "3 batches begin with '2'"), ("x", 1, "there is no batch 'x'"), ("", 1, "")):
        assert main(["show", "video_popularity", str(place.out), "--batch", batch]) == code
        assert message in capsys.readouterr().err
    assert main(["show", "auth_daily_active_users", str(place.out), "--batch", "previous"]) == 1
    assert f"batch {batches[1]}" in capsys.readouterr().err


def test_nothing_published_has_no_batches(tmp_path: Path) -> None:
    """An empty place has no history, and says how to begin one."""
    place = Place(tmp_path)
    assert published(place.storage) == []
    with pytest.raises(MissingDataError, match="learnfold run"):
        find_batch(place.storage, "current")


def test_the_first_batch_has_none_before_it(tmp_path: Path) -> None:
    """There is nothing to go back to, and that is said."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run()
    with pytest.raises(MissingDataError, match="no batch before"):
        previous(place.storage)
