"""A file that grew gives only what is new; whatever it is called, packed with or cut at, the events are those of the whole file."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from ingested import KilledError, dying_after, quarantine, rows, visible

from learnfold import catalog
from learnfold.errors import DataError
from learnfold.ingest.files.backfill import Backfill
from learnfold.ingest.files.beginnings import digests
from learnfold.ingest.files.json_grammar import MARK
from learnfold.ingest.files.located import located
from learnfold.ingest.files.stream import opened
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage

pytestmark = pytest.mark.slow

NAMES = ("event_type", "user_id", "timestamp", "video_id", "watch_duration_seconds")


def take(master: Path, *files: Path, topic: str | None = "video_topic"):
    """The reports of files that are ingested, whose events have no id, so that each counts."""
    taker = Backfill(FolderStorage(str(master)), catalog.load(), Settings(), topic)
    try:
        return [taker.take(source) for source in located([str(file) for file in files], Settings())]
    finally:
        taker.close()


def event(number: int) -> dict[str, object]:
    """An event without an id."""
    return dict(
        zip(NAMES, ("VIDEO_WATCHED", f"u{number}", f"2025-11-0{1 + number % 3} 10:00:00", "v", 120), strict=True)
    )


def users(master: Path) -> list[str]:
    """Who is in the master dataset, as often as they are."""
    return sorted(row["user_id"] for row in rows(visible(master)))


def spelled(form: str, numbers: range) -> bytes:
    """Events in that form."""
    events = [event(number) for number in numbers]
    if form == "csv":
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows([NAMES, *(one.values() for one in events)])
        return text.getvalue().encode()
    if form == "array":
        return json.dumps(events).encode()
    if form == "indented":
        return "\n".join(json.dumps(one, indent=2) for one in events).encode()
    return b"".join(json.dumps(one).encode() + b"\n" for one in events)


SIGN = 4
"""Bytes by which an encoding is told; less of a text in another than UTF-8 isn't known as its beginning."""

SUFFIX = {"lines": ".jsonl", "array": ".json", "indented": ".json", "csv": ".csv"}
PACKED = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32-be"])
@pytest.mark.parametrize("packed", PACKED)
def test_a_stream_is_the_whole_text_however_it_is_packed(tmp_path: Path, packed: str, encoding: str) -> None:
    """Text of many blocks comes whole and in order, in reads of any size, from one packed part or from several."""
    text = "".join(f'{{"n": {number}, "é": "{"x" * (number % 50)}"}}\n' for number in range(60_000))
    data = text.encode(encoding)
    for parts in ([data], [data[:1000], data[1000:2000], data[2000:]]):
        (tmp_path / "file").write_bytes(b"".join(map(PACKED[packed], parts)))
        with opened(tmp_path / "file") as stream:
            assert text.encode().startswith(stream.peek().removeprefix(MARK))
            found = b"".join(iter(lambda: stream.read(300_001), b""))
        assert (found.removeprefix(MARK), stream.problem) == (text.encode(), None)
        assert list(digests(tmp_path / "file", [0, 5, len(found), len(found) + 1])) == [0, 5, len(found)]


@given(st.sampled_from(list(SUFFIX)), st.sampled_from(["utf-8", "utf-16"]), st.data())
def test_a_file_that_grows_gives_each_event_once(form: str, encoding: str, data: st.DataObject) -> None:
    """Ingested at any cuts of it, under any names and packed in any way, a file gives the events of the whole, each once."""
    text = spelled(form, range(12)).decode().encode(encoding)
    cuts = [
        *sorted(data.draw(st.lists(st.sampled_from([0, *range(SIGN, len(text) + 1)]), min_size=1, max_size=3))),
        len(text),
    ]
    with TemporaryDirectory() as folder:
        master = Path(folder) / "master"
        for number, cut in enumerate(cuts):
            packed = data.draw(st.sampled_from(list(PACKED)))
            file = Path(folder) / f"{number}{SUFFIX[form]}{packed}"
            file.write_bytes(PACKED[packed](text[:cut]))
            try:
                take(master, file)
            except DataError as error:  # half a header isn't one; of an array there may be the bracket alone
                assert "no header" in str(error) or "ends where its array begins" in str(error)  # noqa: PT017
        assert users(master) == sorted(f"u{number}" for number in range(12))
        assert quarantine(master) == []
        assert {row["watch_duration_seconds"] for row in rows(visible(master))} == {120}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32-be"])
@pytest.mark.parametrize("packed", PACKED)
def test_what_came_of_less_than_an_event_goes_when_the_file_has_grown(
    tmp_path: Path, packed: str, encoding: str
) -> None:
    """However it is packed, cut within a character too: the piece of an event isn't left in the quarantine."""
    text = spelled("lines", range(3)).decode().encode(encoding)
    for cut in (SIGN, 5, 101):
        master, file = tmp_path / f"master-{cut}", tmp_path / f"{cut}.jsonl{packed}"
        for part in (text[:cut], text):
            file.write_bytes(PACKED[packed](part))
            take(master, file)
        assert users(master) == ["u0", "u1", "u2"]
        assert quarantine(master) == []


def test_only_the_rest_is_read_and_said(tmp_path: Path) -> None:
    """The report of a file that grew is of what is new; the older file, and the newer one again, change nothing."""
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    old.write_bytes(spelled("lines", range(3)))
    new.write_bytes(spelled("lines", range(5)) + b"rubbish\n")
    (first,) = take(tmp_path / "master", old)
    before = {path: path.read_bytes() for path in visible(tmp_path / "master")}
    (second,) = take(tmp_path / "master", new)
    assert (first.events, first.grown) == ({"video_topic": 3}, False)
    assert (second.events, second.grown) == ({"video_topic": 2}, True)
    assert all(path.read_bytes() == content for path, content in before.items())
    assert [row["row"] for row in quarantine(tmp_path / "master")] == [5]
    assert [one.known for one in take(tmp_path / "master", old, new)] == [True, True]
    assert users(tmp_path / "master") == ["u0", "u1", "u2", "u3", "u4"]


def test_a_grown_file_read_another_way_replaces_all_of_it(tmp_path: Path) -> None:
    """A file that grew, read with another topic, leaves nothing of what it and its beginning gave."""
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    old.write_bytes(spelled("lines", range(3)))
    new.write_bytes(spelled("lines", range(5)))
    take(tmp_path / "master", old)
    take(tmp_path / "master", new)
    take(tmp_path / "master", new, topic="course_topic")
    assert users(tmp_path / "master") == ["u0", "u1", "u2", "u3", "u4"]
    assert {path.relative_to(tmp_path / "master").parts[0] for path in visible(tmp_path / "master")} == {
        "topic=course_topic"
    }


def test_a_packed_file_that_breaks_off_gives_what_it_has_and_the_whole_one_the_rest(tmp_path: Path) -> None:
    """Of a packed file that is cut, what is before the cut is in, and said to be; the whole file adds what was missing."""
    whole = gzip.compress(spelled("lines", range(2000)), compresslevel=1)
    file = tmp_path / "events.jsonl.gz"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"breaks off; [\d,]+ events from before that are in"):
        take(tmp_path / "master", file)
    assert 100 < len(users(tmp_path / "master")) < 1900
    file.write_bytes(whole)
    take(tmp_path / "master", file)
    assert users(tmp_path / "master") == sorted(f"u{number}" for number in range(2000))
    assert quarantine(tmp_path / "master") == []


def test_killed_while_a_grown_file_is_taken_the_same_or_a_longer_one_ends_it(tmp_path: Path) -> None:
    """Cut short before any of its writes, a file that grew is taken up by itself, or by itself grown further: each event counts once."""
    files = []
    for number, size in enumerate((2, 4, 6)):
        files.append(tmp_path / f"{number}.jsonl")
        files[-1].write_bytes(spelled("lines", range(size)) + b'{"event_type":')
    for again in (1, 2):
        for writes in range(1, 100):
            master = tmp_path / f"master-{again}-{writes}"
            take(master, files[0])
            try:
                with dying_after(writes):
                    take(master, files[1])
            except KilledError:
                take(master, files[again])
                assert users(master) == [f"u{number}" for number in range(2 + 2 * again)]
                assert [row["event"] for row in quarantine(master)] == ['{"event_type":']
            else:
                break
        assert writes > 5
