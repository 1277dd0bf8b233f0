"""Events and words that take some of them back, in any order: what every engine must end in."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st

from learnfold import catalog
from learnfold.batch.run import RunReport
from learnfold.ingest.retract import retract
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from oracle import read_events
from promises.dataset import SHAPES, Dataset, day_folders, folders
from promises.messages import TOPICS, streams
from promises.views import differences, run_job


def check_any_order(data: st.DataObject, settings: Settings) -> None:
    """Draws a job's events, which of them are taken back, and the order in which files, words and runs come; checks every view."""
    job = data.draw(st.sampled_from(sorted(TOPICS)))
    with TemporaryDirectory() as folder:
        dataset, out = Dataset(Path(folder) / "master"), Path(folder) / "out"
        places = day_folders() if data.draw(st.booleans()) else folders()
        taken: dict[str, set[str]] = {}
        steps: list[tuple[str, str, list]] = []
        for topic in TOPICS[job]:
            dataset.add(topic, [], shape="envelope", folder="{topic}/year=2025/month=11/day=01")
            stream = data.draw(streams(topic, 20))
            cut = data.draw(st.integers(0, len(stream)))
            ids = [f"e{number}" for number in data.draw(st.sets(st.integers(0, 24), max_size=8))]
            half = data.draw(st.integers(0, len(ids)))
            words = [part for part in (ids[:half], ids[half:]) if part]
            steps += [("events", topic, piece) for piece in (stream[:cut], stream[cut:])]
            steps += [("words", topic, part) for part in words]
            taken[topic] = set(ids)
        for what, topic, part in data.draw(st.permutations(steps)):
            if what == "events":
                dataset.add(topic, part, shape=data.draw(SHAPES), folder=data.draw(places))
            else:
                retract(FolderStorage(str(dataset.root)), catalog.load().topic(topic), part, "", settings)
            if data.draw(st.booleans()):
                run_job(dataset.root, out, job, settings)
        report = run_job(dataset.root, out, job, settings)
        _check_counts(report, job, dataset, taken, settings)
        remaining = {
            topic: [m for m in messages if not _ids([m], topic, settings) & taken.get(topic, set())]
            for topic, messages in dataset.messages.items()
        }
        assert differences(out, remaining, job, settings) == []


def _ids(messages: list, topic: str, settings: Settings) -> set[str]:
    return {event["event_id"] for event in read_events(messages, topic, settings.platform_zone)[0]}


def _check_counts(
    report: RunReport, job: str, dataset: Dataset, taken: dict[str, set[str]], settings: Settings
) -> None:
    """What was taken back and what remains are together all the events there are."""
    for topic, record in report.manifest.jobs[job].topics.items():
        events, _ = read_events(dataset.messages[topic], topic, settings.platform_zone)
        gone = [event for event in events if event["event_id"] in taken[topic]]
        assert (record.events, record.retracted) == (len(events) - len(gone), len(gone))
