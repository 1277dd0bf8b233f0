"""``learnfold show``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from learnfold.errors import MissingDataError

if TYPE_CHECKING:
    import argparse

    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = 'example: learnfold show video_popularity demo/views --where "unique_viewers > 10" --sort -total_views_hours --limit 5'
    parser.add_argument("view", metavar="VIEW", help="a view; 'learnfold views' lists them")
    parser.add_argument("output", metavar="OUT", help="where the views are")
    parser.add_argument(
        "--where", metavar="CONDITION", help="only rows for which this is true, in SQL over the view's columns"
    )
    parser.add_argument(
        "--sort", metavar="COLUMNS", default="", help="by these columns, with commas between; -COLUMN: largest first"
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="at most so many rows (default: 50 in a table, else all)"
    )
    parser.add_argument(
        "--batch",
        metavar="BATCH",
        default="current",
        help="of this batch: its name, a beginning of it, or previous (default: current)",
    )
    parser.add_argument(
        "--format", choices=["table", "csv", "json"], default="table", help="how to print them (default: table)"
    )
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Prints a view's rows as of one whole batch."""
    from learnfold import catalog
    from learnfold.batch.history import find_batch
    from learnfold.cli.table import table, to_csv, to_json
    from learnfold.engines.duckdb import DuckDBSession
    from learnfold.engines.duckdb.query import RowChoice, view_rows
    from learnfold.storage import open_storage

    view = catalog.load().view(args.view)
    out = open_storage(args.output, settings)
    manifest = find_batch(out, args.batch)
    if view.name not in manifest.views:
        raise MissingDataError(f"batch {manifest.batch} at {out.url} holds no {view.name}; 'learnfold run' makes it")
    record = manifest.views[view.name]
    limit = args.limit if args.limit is not None else 50 if args.format == "table" else None
    choice = RowChoice(args.where, [term.strip() for term in args.sort.split(",") if term.strip()], limit)
    with out.local(record.paths) as files, DuckDBSession(settings) as session:
        rows = view_rows(session, view, files, choice)
    names = [column.name for column in view.columns]
    if args.format == "json":
        print(to_json([dict(zip(names, row, strict=True)) for row in rows]))
    elif args.format == "csv":
        print(to_csv(names, rows))
    else:
        print(table(names, rows))
        if args.limit is None and len(rows) == limit and record.rows > len(rows) and not args.where:
            print(f"the first {limit} of {record.rows:,} rows; --limit shows more", file=sys.stderr)
    return 0
