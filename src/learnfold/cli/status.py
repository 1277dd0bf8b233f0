"""``learnfold status``."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from learnfold.errors import StorageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from learnfold.operate.status import BatchLine, PendingLine, Status
    from learnfold.settings import Settings


_LONGEST_SECONDS = 86_400


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold status demo/views --last 3"
    parser.add_argument("output", metavar="OUT", help="where the views are")
    parser.add_argument(
        "--in", dest="input", metavar="IN", help="compare with this master dataset (default: the one that was read)"
    )
    parser.add_argument("--last", type=int, default=5, metavar="N", help="show so many batches (default: 5)")
    parser.add_argument(
        "--watch",
        nargs="?",
        type=float,
        const=5.0,
        metavar="SECONDS",
        help="show it again and again, until interrupted (every 5 s); with --json, a line each time",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Prints the state of a place."""
    from dataclasses import asdict

    from learnfold import catalog
    from learnfold.batch.context import Workspace
    from learnfold.cli.table import to_json
    from learnfold.errors import UsageError
    from learnfold.operate.status import status
    from learnfold.storage import open_storage

    if args.last < 1:
        raise UsageError(f"--last {args.last}: it must be at least 1")
    if args.watch is not None and not 0 < args.watch < _LONGEST_SECONDS:
        raise UsageError(f"--watch {args.watch:g}: it must be more than 0 and less than a day")
    workspace = Workspace(open_storage(args.output, settings), catalog.load(), settings)

    def shown() -> str:
        found = status(workspace, args.input, args.last)
        return to_json(asdict(found)) if args.json else text(found)

    if args.watch is None:
        print(shown())
    else:
        _watch(shown, args.watch, lines=args.json)
    return 0


def _watch(shown: Callable[[], str], seconds: float, *, lines: bool) -> None:
    """Prints it until interrupted: on a terminal in place of what was there, elsewhere below it; ``lines``: each on one line."""
    clear = "\x1b[H\x1b[2J" if sys.stdout.isatty() and not lines else ""
    try:
        while True:
            try:
                now = shown()
            except StorageError as error:  # it may be back in a moment
                now = json.dumps({"error": str(error)}) if lines else str(error)
            at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            print(json.dumps(json.loads(now)) if lines else f"{clear}{at}, every {seconds:g} s\n\n{now}\n", flush=True)
            time.sleep(seconds)
    except KeyboardInterrupt:
        return


def text(found: Status) -> str:
    """The state for people: batches, then what is published, who is at work, what is pending, what a crash left."""
    from learnfold.cli.table import table

    if found.current is None:
        paragraphs = [f"nothing is published at {found.output}"]
    else:
        paragraphs = [table(_BATCHES, [_batch(line) for line in found.batches])]
        paragraphs += _details(found.batches)
        jobs = [
            (
                j.job,
                j.batch,
                j.events,
                f"{j.first_day} to {j.last_day}" if j.first_day else "",
                j.views,
                j.rows,
                j.input,
            )
            for j in found.jobs
        ]
        paragraphs.append(table(["published", "batch", "events", "UTC days", "views", "rows", "made from"], jobs))
    if found.leases:
        rows = [
            (i.job, f"process {i.process} on {i.host}", i.since, "at work" if i.alive else "died") for i in found.leases
        ]
        paragraphs.append(table(["job", "held by", "since", ""], rows))
    paragraphs += [
        f"an erasure that began {begun} isn't finished: if nobody is at it, give its command again"
        for begun in found.unfinished_erasures
    ]
    paragraphs.append(_pending(found.pending))
    paragraphs += [
        f"left out: topic={name} ({files} files), which no subject reads"
        for name, files in found.without_subject.items()
    ]
    if found.leftover_files:
        live = any(lease.alive for lease in found.leases)
        whose = (
            "of the runs under way, or left by a crash" if live else "left by a crash; 'learnfold clean' removes them"
        )
        paragraphs.append(f"{found.leftover_files} files ({found.leftover_bytes:,} bytes) that no batch needs: {whose}")
    return "\n\n".join(paragraphs)


_BATCHES = [
    "batch",
    "published",
    "action",
    "jobs",
    "days folded",
    "reused",
    "events",
    "duplicates",
    "quarantined",
    "views refreshed",
    "seconds",
]


def _batch(line: BatchLine) -> tuple[object, ...]:
    action = f"{line.action} of {line.of}" if line.of else line.action
    bad = sum(count for reasons in line.quarantined.values() for count in reasons.values())
    refreshed = f"{line.views_asked} of {line.views}"
    jobs = ", ".join(line.jobs)
    counts = (line.days_folded, line.days_reused, line.events, line.copies, bad)
    return (line.batch, line.published_at, action, jobs, *counts, refreshed, line.seconds)


def _details(batches: list[BatchLine]) -> list[str]:
    """What the newest batch quarantined and left out, and what is odd about what it counts."""
    from learnfold.cli.remarks import remarks_on
    from learnfold.cli.table import table

    newest, paragraphs = batches[0], []
    reasons = [(topic, reason, count) for topic, found in newest.quarantined.items() for reason, count in found.items()]
    if reasons:
        paragraphs.append(table(["quarantined: topic", "reason", "events"], reasons))
    odd = (newest.retracted, newest.conflicting, newest.from_future)
    topics = list(dict.fromkeys(topic for counts in odd for topic in counts))
    remarks = [line for topic in topics for line in remarks_on(topic, *(counts.get(topic, 0) for counts in odd))]
    if remarks:
        paragraphs.append("\n".join(remarks))
    if newest.left_out:
        paragraphs.append(table(["left out", "why"], list(newest.left_out.items())))
    return paragraphs


def _pending(pending: list[PendingLine] | None) -> str:
    from learnfold.cli.table import table

    if not pending:
        return "nothing is pending" if pending is not None else "what is pending isn't known without --in IN"
    rows = [
        (line.topic or "", line.days, line.files, line.bytes, line.new_files, line.gone_files, line.why)
        for line in pending
    ]
    return table(["pending: topic", "days", "files", "bytes", "new files", "gone", "why"], rows)
