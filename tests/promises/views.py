"""The views as a reader sees them, and whether they are what the oracle says."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

import oracle
from learnfold import catalog
from learnfold.batch.run import RunReport, RunRequest, run
from learnfold.settings import Settings
from oracle import KEYS, Message

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
    """How the published views differ from the oracle's."""
    settings = settings or Settings()
    answers = oracle.answers(messages, settings.platform_zone, settings.reporting_zone)
    found = []
    for view in views_of(job):
        found += [f"{view}: {text}" for text in oracle.same(answers[view], rows(out, view), KEYS[view])]
    return found
