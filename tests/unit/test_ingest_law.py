"""The law of ingestion: whatever comes in whatever pieces, with kills anywhere, the views are those of the messages."""

from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from ingested import KilledError, Log, dying_after, quarantine, rows, visible

from learnfold.errors import MissingDataError
from learnfold.master.committed_offsets import read_committed_offsets
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from oracle import read_events
from promises.messages import TOPICS, streams
from promises.views import differences, run_job

pytestmark = pytest.mark.slow

ZONES = st.sampled_from(["UTC", "Asia/Ho_Chi_Minh", "America/New_York"])


@pytest.mark.parametrize("job", TOPICS)
@given(data=st.data())
def test_ingested_messages_give_the_views_of_the_contract(job: str, data: st.DataObject) -> None:
    """Two partitions a topic, flushed at any moment, killed before any write: no message is lost, and none counts twice."""
    settings = Settings(platform_zone=data.draw(ZONES))
    with TemporaryDirectory() as folder:
        root = Path(folder) / "master"
        master = FolderStorage(str(root))
        logs = [Log(master, topic, number, settings) for topic in TOPICS[job] for number in (0, 1)]
        for log in logs:
            log.send(data.draw(streams(log.topic, 20)))
            while log.partition is None or log.partition.next < len(log.items):
                step = data.draw(st.sampled_from(["read", "flush", "kill", "kill in a flush"]))
                if log.partition is None or step == "kill":
                    log.claim()
                elif step == "read":
                    log.read(data.draw(st.integers(1, 12)))
                elif step == "flush":
                    log.flush()
                else:
                    writes = data.draw(st.integers(1, 8))
                    note(f"dies before write {writes}")
                    with contextlib.suppress(KilledError), dying_after(writes):
                        log.flush()
                    log.claim()
            log.flush()
        messages = {topic: [m for log in logs if log.topic == topic for m in log.messages()] for topic in TOPICS[job]}
        if not any(read_events(sent, topic, settings.platform_zone)[0] for topic, sent in messages.items()):
            with pytest.raises(MissingDataError):
                run_job(root, Path(folder) / "out", job, settings)
            return
        run_job(root, Path(folder) / "out", job, settings)
        assert differences(Path(folder) / "out", messages, job, settings) == []


@given(data=st.data())
def test_the_progress_says_exactly_what_a_reader_holds(data: st.DataObject) -> None:
    """At any moment, after any kill: every message before the progress is in the files that count or in the quarantine, and none behind it."""
    with TemporaryDirectory() as folder:
        log = Log(FolderStorage(folder), "video_topic")
        log.send(data.draw(streams("video_topic", 30)))
        log.claim()
        for _ in range(data.draw(st.integers(1, 6))):
            log.read(data.draw(st.integers(0, 10)))
            with contextlib.suppress(KilledError), dying_after(data.draw(st.integers(1, 10))):
                log.flush()
            end = read_committed_offsets(log.master)["video_topic"][0]
            with contextlib.suppress(MissingDataError):
                held = {row["kafka_offset"] for row in rows(visible(Path(folder)))}
                assert held <= set(range(end))
                bad = {row["kafka_offset"] for row in quarantine(Path(folder)) if row["kafka_offset"] < end}
                assert held | bad == set(range(end))
                assert not held & bad
            if data.draw(st.booleans()):
                log.claim()
