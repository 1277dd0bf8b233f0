"""What a number means and where it comes from: from the catalogue, and from the manifest of the batch that it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from learnfold.batch.manifest import Manifest, TopicRecord
    from learnfold.catalog import Column, Rollup, View


def described(view: View, columns: Sequence[Column]) -> dict[str, Any]:
    """A view for those who want to ask it: its columns with type and meaning."""
    return {
        "view": view.name,
        "subject": view.job,
        "meaning": view.comment,
        "key": list(view.key),
        "columns": [
            {"name": column.name, "type": column.type, "meaning": column.comment, "key": column.key}
            for column in columns
        ],
    }


def explained(view: View, name: str, manifest: Manifest, *, counts: bool = True) -> dict[str, Any]:
    """One column: its meaning, its SQL, what it is made from, and what its batch holds and left out (in numbers if ``counts``)."""
    column = next((column for column in view.columns if column.name == name), None)
    if column is None:
        columns = ", ".join(column.name for column in view.columns)
        raise Problem("not_found", f"{view.name} has no column {name[:60]!r}", f"the columns are {columns}")
    record = manifest.views[view.name]
    return {
        "view": view.name,
        "column": column.name,
        "type": column.type,
        "meaning": column.comment,
        "sql": column.source,
        "view_meaning": view.comment,
        "view_sql": view.query,
        "checks": record.checks,
        "settings": {name: manifest.settings.get(name) for name in view.settings},
        "made_from": [_rollup(rollup) for rollup in view.all_rollups],
        "batch": manifest.batch,
        "computed_in": record.batch,
        "published_at": manifest.ended_at,
        "topics": {
            topic.name: about(found, counts=counts) for topic in view.topics for found in _records(manifest, topic.name)
        },
    }


def freshness(manifest: Manifest, topics: Mapping[str, bool]) -> dict[str, Any]:
    """How far a batch reaches, by topic; in numbers where ``topics`` says so."""
    found = {name: about(one, counts=counts) for name, counts in topics.items() for one in _records(manifest, name)}
    return {"batch": manifest.batch, "published_at": manifest.ended_at, "action": manifest.action, "topics": found}


def about(record: TopicRecord, *, counts: bool) -> dict[str, Any]:
    """What a batch holds of a topic, and what it left out; without ``counts`` only the days."""
    days = sorted(day for day, found in record.days.items() if found.events)
    ends = [days[0].isoformat(), days[-1].isoformat()] if days else [None, None]
    reached: dict[str, Any] = dict(zip(("first_day", "newest_day"), ends, strict=True))
    if not counts:
        return reached
    return reached | {
        "events": record.events,
        "duplicates_dropped": record.duplicates,
        "quarantined": record.quarantined,
        "unreadable_files": len(record.unreadable),
        "offsets": record.offsets,
    }


def _records(manifest: Manifest, topic: str) -> Iterable[TopicRecord]:
    return (job.topics[topic] for job in manifest.jobs.values() if topic in job.topics)


def _rollup(rollup: Rollup) -> dict[str, Any]:
    return {
        "rollup": rollup.name,
        "meaning": rollup.comment,
        "sql": rollup.query,
        "topic": rollup.topic.name,
        "topic_meaning": rollup.topic.comment,
        "reads": sorted(rollup.reads),
    }
