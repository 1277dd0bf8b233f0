"""``learnfold views``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from learnfold.catalog import View
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold views video_popularity"
    parser.add_argument("view", metavar="VIEW", nargs="?", help="explain this one")
    parser.add_argument("--job", metavar="JOB", help="only this subject's")
    parser.add_argument("--markdown", action="store_true", help="all of them as docs/views.md")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Prints the list, or one view's columns, meaning, SQL and lineage."""
    from learnfold import catalog
    from learnfold.catalog.document import document
    from learnfold.cli.table import table, to_json

    found = catalog.load()
    if args.markdown:
        print(document(found), end="")
        return 0
    if args.view:
        view = found.view(args.view)
        print(to_json(as_json(view, settings)) if args.json else explained(view, settings))
        return 0
    jobs = [found.job(args.job)] if args.job else list(found.jobs.values())
    views = [view for job in jobs for view in job.views]
    if args.json:
        print(to_json([as_json(view, settings) for view in views]))
    else:
        print(
            table(
                ["job", "view", "key", "meaning"],
                [(v.job, v.name, ", ".join(v.key), v.comment.split(". ")[0].rstrip(".")) for v in views],
            )
        )
    return 0


def explained(view: View, settings: Settings) -> str:
    """One view for people."""
    import sqlglot

    from learnfold.cli.table import table
    from learnfold.settings import meaning

    lines = [view.name, "", view.comment, ""]
    lines.append(
        table(
            ["column", "type", "key", "meaning"],
            [(c.name, c.type, "key" if c.key else "", c.comment) for c in view.columns],
        )
    )
    lines += ["", "checks: " + "; ".join([f"({', '.join(view.key)}) is unique", *view.checks])]
    if view.settings:
        asked = [(f"LEARNFOLD_{name.upper()}", getattr(settings, name), meaning(name)) for name in view.settings]
        lines += ["", "settings:", table(["variable", "value", "meaning"], asked)]
    lines += ["", "SQL:", sqlglot.parse_one(view.query, read="duckdb").sql("duckdb", pretty=True), "", "from:"]
    return "\n".join([*lines, *_lineage(view, "  ")])


def _lineage(view: View, indent: str) -> Iterator[str]:
    for read in view.views:
        yield f"{indent}{read.name}, a view ({read.comment.rstrip('.')})"
        yield from _lineage(read, indent + "  ")
    for rollup in view.rollups:
        yield f"{indent}{rollup.name} ({rollup.comment.rstrip('.')})"
        made = ", ".join(
            f"{column.name} = {column.source}" for column in rollup.columns if column.source != column.name
        )
        yield f"{indent}  from {rollup.topic.name}: {made}"


def as_json(view: View, settings: Settings) -> dict[str, Any]:
    """One view for machines."""
    return {
        "view": view.name,
        "job": view.job,
        "meaning": view.comment,
        "key": list(view.key),
        "columns": [{"name": c.name, "type": c.type, "key": c.key, "meaning": c.comment} for c in view.columns],
        "checks": list(view.checks),
        "sql": view.query,
        "rollups": [
            {"rollup": r.name, "topic": r.topic.name, "key": list(r.key), "sql": r.query} for r in view.all_rollups
        ],
        "views": [read.name for read in view.views],
        "settings": {name: getattr(settings, name) for name in view.settings},
    }
