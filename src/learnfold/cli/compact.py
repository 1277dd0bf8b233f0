"""``learnfold compact``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from learnfold.cli import date_argument, log_argument, reporter_of

if TYPE_CHECKING:
    import argparse

    from learnfold.ingest.compact import CompactReport
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold compact demo/master --before 2025-12-01"
    parser.add_argument("master", metavar="MASTER", help="the master dataset: a folder or s3://bucket/path")
    parser.add_argument(
        "--before", type=date_argument, metavar="DATE", help="only UTC days before this one (default: today)"
    )
    parser.add_argument(
        "--topic", action="append", default=[], metavar="TOPIC", help="only this topic; may be given again"
    )
    parser.add_argument(
        "--foreign", action="store_true", help="merge also files that other tools wrote, those of the same columns"
    )
    parser.add_argument(
        "--mark-closed", action="store_true", help="mark the days as closed: _SUCCESS into their folders"
    )
    parser.add_argument(
        "--grace-minutes",
        type=float,
        metavar="M",
        help="minutes that merged files stay for readers that still hold them (default: 60)",
    )
    parser.add_argument(
        "--wait", dest="wait_seconds", type=float, metavar="SECONDS", help="wait so long for another compaction"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    log_argument(parser)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Merges the small files of closed days."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from learnfold import catalog
    from learnfold.cli.table import to_json
    from learnfold.errors import MissingDataError
    from learnfold.ingest.compact import CompactRequest, compact
    from learnfold.storage import open_storage

    master = open_storage(args.master, settings)
    if not master.exists():
        raise MissingDataError(f"there is no master dataset at {master.url}: has ingestion run? Is the path right?")
    before = args.before or datetime.now(UTC).date()
    request = CompactRequest(before, tuple(args.topic), args.foreign, args.mark_closed)
    reporter = reporter_of(args, settings)
    try:
        report = compact(master, catalog.load(), settings, request, reporter)
    finally:
        reporter.done()
    print(to_json(asdict(report)) if args.json else text(report))
    for path, why in report.unreadable.items():
        print(f"left as it is, since it can't be read: {path} ({why})", file=sys.stderr)
    return 0


def text(report: CompactReport) -> str:
    """What was done, for people."""
    from learnfold.cli.table import table

    lines = []
    if report.days:
        names = ["topic", "day", "files", "now", "bytes", "now", "rows"]
        rows = [
            (d.topic, d.day, d.files_before, d.files_after, d.bytes_before, d.bytes_after, d.rows) for d in report.days
        ]
        lines += [table(names, rows), ""]
    before, after = sum(d.files_before for d in report.days), sum(d.files_after for d in report.days)
    lines.append(f"merged {before:,} files into {after:,}" if before else "nothing to merge")
    waiting = report.waiting + before
    if report.removed:
        lines.append(f"removed {report.removed:,} files that were merged earlier")
    if waiting:
        lines.append(f"{waiting:,} merged files stay for readers that may hold them; the next compaction removes them")
    if report.closed:
        lines.append(f"marked {len(report.closed):,} folders of days as closed")
    return "\n".join(lines)
