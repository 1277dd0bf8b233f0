"""What a number means and where it comes from: from the catalogue, and from the manifest of the batch that it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.batch.manifest import Manifest, TopicRecord
    from learnfold.catalog import Catalog, Rollup, View


def described(view: View) -> dict[str, Any]:
    """A view for those who want to ask it: its columns with type and meaning."""
    return {
        "view": view.name,
        "subject": view.job,
        "meaning": view.comment,
        "key": list(view.key),
        "columns": [
            {"name": column.name, "type": column.type, "meaning": column.comment, "key": column.key}
            for column in view.columns
        ],
    }


def explained(view: View, name: str, manifest: Manifest) -> dict[str, Any]:
    """One column: its meaning, its SQL, what it is made from, and what its batch holds and left out."""
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
        "made_from": [_rollup(rollup) for rollup in view.rollups],
        "batch": manifest.batch,
        "computed_in": record.batch,
        "published_at": manifest.ended_at,
        "topics": {topic.name: about(found) for topic in view.topics for found in _records(manifest, topic.name)},
    }


def freshness(manifest: Manifest, catalog: Catalog) -> dict[str, Any]:
    """How far a batch reaches, by topic."""
    topics = {name: about(found) for name in catalog.topics for found in _records(manifest, name)}
    return {"batch": manifest.batch, "published_at": manifest.ended_at, "action": manifest.action, "topics": topics}


def about(record: TopicRecord) -> dict[str, Any]:
    """What a batch holds of a topic, and what it left out."""
    days = sorted(day for day, counts in record.days.items() if counts.events)
    return {
        "events": record.events,
        "first_day": days[0].isoformat() if days else None,
        "newest_day": days[-1].isoformat() if days else None,
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
