"""What a person was erased from isn't made again of the file that it came from: the erased never come back that way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_ingest_grown import event, take, users

from learnfold.cli import main
from learnfold.errors import DataError
from learnfold.ingest.files import backfill


def erased(folder: Path) -> tuple[Path, Path]:
    """A master dataset of a file of three persons' events, one of whom was erased since; and the file."""
    file, master, out = folder / "events.jsonl", folder / "master", folder / "out"
    file.write_text("".join(json.dumps(event(number)) + "\n" for number in range(3)))
    take(master, file)
    assert main(["run", str(master), str(out), "--job", "video"]) == 0
    assert main(["erase", "u1", str(master), str(out), "--yes"]) == 0
    assert users(master) == ["u0", "u2"]
    return master, file


def test_a_file_read_another_way_does_not_bring_the_erased_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another topic, by a learnfold that reads better, or grown since: it is refused with what to do, and nothing changes."""
    master, file = erased(tmp_path)
    assert [one.known for one in take(master, file)] == [True]
    with pytest.raises(DataError, match="a person was erased from what it gave"):
        take(master, file, topic="course_topic")
    monkeypatch.setattr(backfill, "_READING", 99)
    grown = tmp_path / "grown.jsonl"
    grown.write_text(file.read_text() + json.dumps(event(3)) + "\n")
    for one in (file, grown):
        with pytest.raises(DataError, match="a person was erased from what it gave"):
            take(master, one)
    assert users(master) == ["u0", "u2"]


def test_what_is_new_in_a_grown_file_is_taken_after_an_erasure(tmp_path: Path) -> None:
    """Read the same way, only its rest is read: what was erased stays so."""
    master, file = erased(tmp_path)
    file.write_text(file.read_text() + json.dumps(event(3)) + "\n")
    (report,) = take(master, file)
    assert (report.grown, users(master)) == (True, ["u0", "u2", "u3"])
