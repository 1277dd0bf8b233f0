"""``learnfold show``."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.errors import MissingDataError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from learnfold.catalog import View
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = 'example: learnfold show video_popularity demo/views --where "unique_viewers > 10" --sort -total_views_hours --limit 5'
    parser.add_argument("view", metavar="VIEW", help="a view; 'learnfold views' lists them")
    parser.add_argument("output", metavar="OUT", help="where the views are, or a server's address (http://…)")
    parser.add_argument("--token-file", metavar="FILE", help="file of the token to ask a server with")
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
    from learnfold.cli.table import table, to_csv, to_json
    from learnfold.engines.duckdb import DuckDBSession
    from learnfold.engines.duckdb.query import RowChoice, view_rows

    view = catalog.load().view(args.view)
    limit = args.limit if args.limit is not None else 50 if args.format == "table" else None
    choice = RowChoice(args.where, [term.strip() for term in args.sort.split(",") if term.strip()], limit)
    with _files(args, view, settings) as (files, known), DuckDBSession(settings) as session:
        rows = view_rows(session, view, files, choice)
    names = [column.name for column in view.columns]
    if args.format == "json":
        print(to_json([dict(zip(names, row, strict=True)) for row in rows]))
    elif args.format == "csv":
        print(to_csv(names, rows))
    else:
        print(table(names, rows))
        if args.limit is None and len(rows) == limit and known != limit and not args.where:
            of = f"{known:,} rows" if known is not None else "more"
            print(f"the first {limit} of {of}; --limit shows more", file=sys.stderr)
    return 0


@contextmanager
def _files(args: argparse.Namespace, view: View, settings: Settings) -> Iterator[tuple[list[str], int | None]]:
    """Local files of the view's rows while the block lasts, and how many rows they have, where that is known."""
    from learnfold.batch.history import find_batch
    from learnfold.storage import open_storage
    from learnfold.storage.intact import IntactFiles

    if args.output.startswith(("http://", "https://")):
        from learnfold.client.remote import Server
        from learnfold.storage.scratch import scratch

        token = None
        if args.token_file:
            if not Path(args.token_file).is_file():
                raise UsageError(f"--token-file {args.token_file}: there is no file of that name")
            token = Path(args.token_file).read_text("utf-8", errors="replace").strip()
            if not (token.isascii() and token.isprintable()):
                raise UsageError(
                    f"--token-file {args.token_file} holds no token: one is a line of plain letters and digits"
                )
        folder = scratch(settings.temporary_folder)
        try:
            file = Path(folder.name) / "answer.parquet"
            batch = [] if args.batch == "current" else [("batch", args.batch)]
            Server(args.output, token).fetch(view.name, batch, file)
            yield [str(file)], None
        finally:
            folder.cleanup()
        return
    out = open_storage(args.output, settings)
    manifest = find_batch(out, args.batch)
    if view.name not in manifest.views:
        raise MissingDataError(f"batch {manifest.batch} at {out.url} holds no {view.name}; 'learnfold run' makes it")
    record = manifest.views[view.name]
    with IntactFiles(out).local(record.digests) as files:
        yield files, record.rows
