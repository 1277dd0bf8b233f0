"""What is translated is taken by a run as it is: no event ends in the quarantine, and the views count them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from caliper_events import CASES as EVENTS
from xapi_statements import CASES as STATEMENTS

from learnfold.ingest.mapping.file import load
from learnfold.ingest.mapping.translate import Translated, translate
from promises.dataset import Dataset
from promises.views import differences, rows, run_job

SOURCES = {"xapi": [case[1] for case in STATEMENTS], "caliper": [case[1] for case in EVENTS]}


def translate_errors(source: str) -> list[Translated]:
    """The events of every documented shape, each with an id of its own, as a source gives them."""
    documents = [document | {"id": f"{number}"} for number, document in enumerate(SOURCES[source])]
    results = translate(documents, load(source))
    return [result for result in results if isinstance(result, Translated)]


@pytest.mark.parametrize("source", SOURCES)
def test_a_run_takes_all_that_is_translated(source: str, tmp_path: Path) -> None:
    """Every event is valid to the batch layer, of all topics that the source tells of, and the views say what the oracle says."""
    events = translate_errors(source)
    topics = Counter(event.topic for event in events)
    assert topics.keys() >= {"auth_topic", "course_topic", "video_topic", "assessment_topic"}
    master = Dataset(tmp_path / "master")
    for topic in topics:
        master.add(topic, [event.event for event in events if event.topic == topic], shape="kafka", folder="{topic}")
    report = run_job(master.root, tmp_path / "out")
    for job in report.manifest.jobs.values():
        for topic, record in job.topics.items():
            assert record.quarantined == {}
            assert (record.events, record.duplicates) == (topics[topic], 0)
    assert differences(tmp_path / "out", master.messages) == []
    assert rows(tmp_path / "out", "course_enrollment_stats")
    assert rows(tmp_path / "out", "assessment_grading_stats")
    assert rows(tmp_path / "out", "video_total_watch_time")
