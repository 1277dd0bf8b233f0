"""``learnfold diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from learnfold.engines.duckdb.difference import RowChange
    from learnfold.operate.difference import BatchDifference, ViewDifference
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold diff demo/views previous current --view video_popularity"
    parser.add_argument("output", metavar="OUT", help="where the views are")
    parser.add_argument(
        "before", metavar="BATCH", nargs="?", default="previous", help="the earlier batch (default: previous)"
    )
    parser.add_argument(
        "after", metavar="BATCH", nargs="?", default="current", help="the later batch (default: current)"
    )
    parser.add_argument(
        "--view", action="append", default=[], metavar="VIEW", help="only this view; may be given again"
    )
    parser.add_argument("--examples", type=int, default=3, metavar="N", help="rows shown of each kind (default: 3)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Prints what differs between two batches."""
    from learnfold import catalog
    from learnfold.batch.context import Workspace
    from learnfold.batch.history import find_batch
    from learnfold.cli.table import to_json
    from learnfold.errors import UsageError
    from learnfold.operate.difference import difference
    from learnfold.storage import open_storage

    if args.examples < 0:
        raise UsageError(f"--examples {args.examples}: it must be at least 0")
    out = open_storage(args.output, settings)
    workspace = Workspace(out, catalog.load(), settings)
    before, after = find_batch(out, args.before), find_batch(out, args.after)
    found = difference(workspace, before, after, args.view or None, args.examples)
    print(to_json(as_json(found)) if args.json else text(found))
    return 0


def text(found: BatchDifference) -> str:
    """The differences for people: a table, then examples."""
    from learnfold.cli.table import table

    differing = [view for view in found.views if view.only_in is not None or not view.rows.same]
    same = len(found.views) - len(differing)
    if not differing:
        return (
            f"{found.before} and {found.after} hold the same rows in {'the view' if same == 1 else f'all {same} views'}"
        )
    rows = [
        (v.view, v.rows.rows_before, v.rows.rows_after, v.rows.added, v.rows.removed, v.rows.changed) for v in differing
    ]
    paragraphs = [f"from {found.before} to {found.after}"]
    paragraphs.append(table(["view", "rows before", "after", "added", "removed", "changed"], rows))
    paragraphs += [examples(view) for view in differing]
    if same:
        paragraphs.append(f"{same} more {'view is' if same == 1 else 'views are'} the same")
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def examples(view: ViewDifference, words: Mapping[str, str] | None = None) -> str:
    """A few rows of a view that differ; ``words`` says added, removed and changed in other words."""
    lines = [f"{view.view}: only in {view.only_in}"] if view.only_in else []
    for names, which in ((view.rows.columns_only_before, "gone"), (view.rows.columns_only_after, "new")):
        lines += [f"{view.view}: column {name} is {which}" for name in names]
    if view.rows.changed_columns:
        columns = ", ".join(f"{name} in {count:,} rows" for name, count in view.rows.changed_columns.items())
        lines.append(f"{view.view}: changed {columns}")
    lines += [f"{view.view}: {_row(change, words or {})}" for change in view.rows.examples]
    return "\n".join(lines)


def _row(change: RowChange, words: Mapping[str, str]) -> str:
    key = ", ".join(f"{name}={_value(value)}" for name, value in change.key.items())
    if change.what == "changed":
        columns = ", ".join(f"{n} {_value(old)} -> {_value(new)}" for n, (old, new) in change.columns.items())
    else:
        side = 1 if change.what == "added" else 0
        columns = ", ".join(f"{name}={_value(pair[side])}" for name, pair in change.columns.items())
    return f"{words.get(change.what, change.what)} {key}" + (f": {columns}" if columns else "")


def _value(value: Any) -> str:
    return "NULL" if value is None else str(value)


def as_json(found: BatchDifference) -> dict[str, Any]:
    """The differences as data; ``compared`` is false where files or digests told that the rows are the same."""
    from dataclasses import asdict

    return {
        "before": found.before,
        "after": found.after,
        "same": found.same,
        "views": [
            {"view": v.view, "only_in": v.only_in, "compared": v.compared, **asdict(v.rows)} for v in found.views
        ],
    }
