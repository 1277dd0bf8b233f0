"""Rows that an author expects of a view, written beside some events: ``tests/examples/<view>.json``, or ``<view>.<anything>.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import oracle
from learnfold import catalog
from learnfold.settings import Settings
from promises.dataset import Dataset
from promises.views import rows, run_job

FOLDER = Path(__file__).parents[1] / "examples"


@dataclass(frozen=True)
class Example:
    """One file."""

    view: str
    title: str
    events: dict[str, list[dict[str, Any]]]  # by topic
    rows: list[dict[str, Any]]  # of any of the view's columns, its key among them; dates and times as text


def example(file: Path) -> Example:
    """What the file says; raises ValueError, naming the file, for what isn't an example of a view there is."""
    view = file.name.split(".", 1)[0]
    if view not in catalog.load().views:
        raise ValueError(f"{file.name} is named after no view; the catalogue has no {view}")
    found = json.loads(file.read_text("utf-8"))
    unknown = found.keys() ^ {"title", "events", "rows"}
    topics = found.get("events", {}).keys() - catalog.load().topics.keys()
    if unknown or topics:
        raise ValueError(f"{file.name} has a title, events by topic and rows; not so: {', '.join([*unknown, *topics])}")
    return Example(view, found["title"], found["events"], found["rows"])


def disagreements(said: Example, place: Path, settings: Settings) -> list[str]:
    """How the view over the events, which come in two runs, differs from the rows; nothing where it doesn't."""
    view, dataset = catalog.load().view(said.view), Dataset(place / "master")
    for part in (0, 1):
        for topic, events in said.events.items():
            dataset.add(topic, list(events[part::2]), shape=("flat", "envelope")[part], folder="{topic}")
        report = run_job(dataset.root, place / "out", settings=settings)
    quarantined = sum(
        count for job in report.manifest.jobs.values() for t in job.topics.values() for count in t.quarantined.values()
    )
    shown = sorted({name for row in said.rows for name in row})
    actual = [{name: _as_json(row[name]) for name in shown} for row in rows(place / "out", said.view)]
    wrong = [f"{quarantined} events are invalid"] if quarantined else []
    return wrong + oracle.same(said.rows, actual, view.key)


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S" + (".%f" if value.microsecond else ""))
    return value.isoformat() if isinstance(value, date) else value
