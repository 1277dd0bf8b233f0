"""The views as a reader sees them, and whether they are what the oracle says."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

import oracle
from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import RunReport, run
from learnfold.settings import Settings
from oracle import Message
from oracle.fields import TOPIC_FIELDS

Rows = list[dict[str, object]]


def rows(out: Path, view: str) -> Rows:
    """The rows at the path that the seed promises, read by pyarrow."""
    return pq.read_table(out / view / "part-00000.parquet").to_pylist()


def views_of(job: str | None = None) -> list[str]:
    """The names of a job's views, or of all."""
    found = catalog.load()
    return [view.name for view in found.jobs[job].views] if job else list(found.views)


def run_job(
    master: Path, out: Path, job: str | None = None, settings: Settings | None = None, **more: object
) -> RunReport:
    """A run as a library call."""
    return run(RunRequest(str(master), str(out), (job,) if job else (), **more), catalog.load(), settings or Settings())  # type: ignore[arg-type]


def differences(
    out: Path, messages: dict[str, list[Message]], job: str | None = None, settings: Settings | None = None
) -> list[str]:
    """How the published views differ from those that are expected."""
    answers = expected(messages, job, settings or Settings())
    found = []
    for view in views_of(job):
        key = catalog.load().view(view).key
        found += [f"{view}: {text}" for text in oracle.same(answers[view], rows(out, view), key)]
    return found


def expected(messages: dict[str, list[Message]], job: str | None, settings: Settings) -> dict[str, Rows]:
    """A job's views, or all, by name: the oracle's; those that it doesn't know, from one run over all messages in one file."""
    known = {topic: its for topic, its in messages.items() if topic in TOPIC_FIELDS}
    answers = oracle.answers(known, settings.platform_zone, settings.reporting_zone)
    beyond = [view for view in views_of(job) if view not in answers]
    return answers | (_at_once(messages, beyond, job, settings) if beyond else {})


def _at_once(
    messages: dict[str, list[Message]], views: list[str], job: str | None, settings: Settings
) -> dict[str, Rows]:
    """The rows of the views over all messages at once: by the law, what any split and history of them must end in."""
    with TemporaryDirectory() as folder:
        for topic, its in messages.items():
            place = Path(folder) / "master" / f"topic={topic}"
            place.mkdir(parents=True)
            bodies = [m.body if isinstance(m.body, bytes | str) else json.dumps(m.body, default=str) for m in its]
            columns = {
                "value": pa.array([body.encode() if isinstance(body, str) else body for body in bodies], pa.binary()),
                "partition": pa.array([m.partition for m in its], pa.int32()),
                "offset": pa.array([m.offset for m in its], pa.int64()),
            }
            pq.write_table(pa.table(columns), place / "all.parquet")
        run_job(Path(folder) / "master", Path(folder) / "out", job, settings)
        return {view: rows(Path(folder) / "out", view) for view in views}
