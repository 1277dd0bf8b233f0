"""The law of ingestion for statements of platforms in Kafka: in whatever pieces, with kills anywhere, each becomes its events once."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from ingested import KilledError, Log, dying_after, rows, visible
from platform_records import TRACKING
from xapi_statements import CASES

from learnfold import catalog
from learnfold.catalog import reasons
from learnfold.cli import main
from learnfold.errors import MissingDataError, UsageError
from learnfold.ingest.mapping.file import load
from learnfold.ingest.mapping.translate import Translated, translate
from learnfold.ingest.quarantine import quarantine_files
from learnfold.ingest.stream.context import StreamContext
from learnfold.master.committed_offsets import read_committed_offsets
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage

SENT = {
    "xapi": [json.dumps(statement).encode() for _, statement, _, _ in CASES],
    "openedx-tracking-log": [b"host app: " + json.dumps(line).encode() for _, line, _, _ in TRACKING],
}
STRANGE = [b"not json", None, b'"a text"', b"\xff"]


def told(messages: list[bytes | None], name: str) -> tuple[Counter[str], int]:
    """The ids of the events that messages tell of, and how many of them are none."""
    mapping, events, others = load(name), Counter[str](), 0
    for message in messages:
        if message in STRANGE:
            others += 1
            continue
        text = (message or b"").removeprefix(b"host app: ")
        for result in translate(json.loads(text), mapping):
            if isinstance(result, Translated):
                events[str(result.event["event_id"])] += 1
            else:
                others += 1
    return events, others


def held(master: FolderStorage, folder: str) -> tuple[Counter[str], int]:
    """The ids of the events that a reader has, and how many rows the quarantine has."""
    found = Counter[str]()
    with contextlib.suppress(MissingDataError):
        found.update(str(row["event_id"]) for row in rows(visible(Path(folder))))
    return found, len(rows([Path(folder) / path for path in quarantine_files(master)]))


@pytest.mark.slow
@pytest.mark.parametrize("name", SENT)
@given(data=st.data())
def test_statements_become_their_events_once_whatever_is_killed(name: str, data: st.DataObject) -> None:
    """At every moment the files that count hold what the messages before the progress tell of, each once, and nothing else."""
    with TemporaryDirectory() as folder:
        master = FolderStorage(folder)
        log = Log(master, "statements", mapping=load(name))
        log.send(data.draw(st.lists(st.sampled_from([*SENT[name], *STRANGE]), unique=True, min_size=1, max_size=20)))
        log.claim()
        while log.partition is None or log.partition.next < len(log.items) or log.partition.rows:
            log.read(data.draw(st.integers(1, 8)))
            if data.draw(st.booleans()):
                writes = data.draw(st.integers(1, 8))
                note(f"dies before write {writes}")
                with contextlib.suppress(KilledError), dying_after(writes):
                    log.flush()
                end = read_committed_offsets(master)["statements"][0]
                assert held(master, folder) == told(log.items[:end], name)
                log.claim()
            else:
                log.flush()
        assert held(master, folder) == told(log.items, name)


def test_what_is_no_statement_says_where_it_came_from(tmp_path: Path) -> None:
    """Kept whole with its reason, beside the topic, partition and offset of Kafka's that it had."""
    log = Log(FolderStorage(str(tmp_path)), "statements", number=3, mapping=load("xapi"))
    log.send([SENT["xapi"][0], b"not json", None])
    log.claim()
    log.read()
    done = log.flush()
    assert done.quarantined == {"unmapped": {reasons.NOT_JSON: 1, reasons.EMPTY: 1}}
    assert list(done.bytes) == ["statements"]
    (file,) = quarantine_files(log.master)
    assert [(row["file"], row["row"], row["reason"], row["event"]) for row in rows([tmp_path / file])] == [
        ("statements/3", 1, reasons.NOT_JSON, "not json"),
        ("statements/3", 2, reasons.EMPTY, None),
    ]


@pytest.mark.parametrize(
    ("topics", "why"),
    [
        ((), "the topics of Kafka's that --topic names"),
        (("video_topic", "statements"), "video_topic holds learnfold's own events"),
    ],
)
def test_statements_are_read_from_topics_of_their_own(tmp_path: Path, topics: tuple[str, ...], why: str) -> None:
    """Named, and called otherwise than those of events: else one would be taken for the other."""
    found: Any = None
    context = StreamContext(
        FolderStorage(str(tmp_path)), catalog.load(), Settings(), found, Event(), found, load("xapi")
    )
    with pytest.raises(UsageError, match=why):
        context.topics(topics)
    assert context.topics(("statements", "more")) == ("statements", "more")


def test_days_are_closed_by_events_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of statements nobody knows which topics they are for."""
    words = ["ingest", "--into", str(tmp_path), "--from", "xapi", "--topic", "statements", "--close-after", "1"]
    assert main(words) == 2
    assert "leave it out where --from is given" in capsys.readouterr().err
