"""The catalogue as a page for people: docs/views.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.catalog.model import Catalog, Job, Rollup, Topic, View


def document(catalog: Catalog) -> str:
    """Every topic, rollup and view with its meaning, columns, units and SQL, in Markdown."""
    lines = [
        "# The views, and what they are made from",
        "",
        "Written by `learnfold views --markdown` from the subjects' SQL (`src/learnfold/subjects/`); a test fails when it is stale.",
        "Every view is over valid events, each counted once. Times are UTC; dates and hours are in the reporting zone.",
        "",
        "| job | views |",
        "| --- | --- |",
    ]
    lines += [
        f"| {_link(job.name)} | {', '.join(_link(view.name) for view in job.views)} |" for job in catalog.jobs.values()
    ]
    for job in catalog.jobs.values():
        lines += _job(job)
    return "\n".join(lines) + "\n"


def _job(job: Job) -> Iterable[str]:
    yield from ["", f"## {job.name}", "", job.comment]
    for view in job.views:
        yield from _view(view)
    for rollup in job.rollups:
        yield from _rollup(rollup)
    for topic in job.topics:
        yield from _topic(topic)


def _view(view: View) -> Iterable[str]:
    yield from ["", f"### {view.name}", "", view.comment, ""]
    yield from ["| column | type | meaning |", "| --- | --- | --- |"]
    for column in view.columns:
        name = f"**`{column.name}`** (key)" if column.key else f"`{column.name}`"
        yield f"| {name} | {column.type} | {_cell(column.comment)} |"
    read = [each.name for each in view.views] + [each.name for each in view.rollups]
    checks = "; ".join(f"`{check}`" for check in (f"({', '.join(view.key)}) is unique", *view.checks))
    yield from [
        "",
        f"Made from {', '.join(map(_link, read))}. Checked before it is published: {checks}.",
        "",
    ]
    yield from ["```sql", _pretty(view.query), "```"]


def _rollup(rollup: Rollup) -> Iterable[str]:
    yield from ["", f"### {rollup.name}", "", f"A rollup of {_link(rollup.topic.name)}. {rollup.comment}", ""]
    yield from ["| column | type | merges by | meaning |", "| --- | --- | --- | --- |"]
    for column in rollup.columns:
        yield f"| `{column.name}` | {column.type} | {column.merge} | {_cell(column.comment)} |"
    yield from ["", "```sql", _pretty(rollup.query), "```"]


def _topic(topic: Topic) -> Iterable[str]:
    yield from ["", f"### {topic.name}", "", f"A topic. {topic.comment}", ""]
    yield from ["| field | type | meaning |", "| --- | --- | --- |"]
    for field in topic.fields:
        marks = [
            mark
            for mark, true in (
                ("required", field.required),
                (f"`{field.check}`", field.check),
                ("whose event it is", field.names == "owner"),
                ("names no person", field.names == "nobody" and not field.derived),
                ("derived", field.derived),
            )
            if true
        ]
        shown = f" ({', '.join(marks)})" if marks else ""
        yield f"| `{field.name}` | {field.type} | {_cell(field.comment)}{shown} |"


def _link(name: str) -> str:
    return f"[{name}](#{name})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _pretty(query: str) -> str:
    return sqlglot.parse_one(query, read="duckdb").sql("duckdb", pretty=True)
