"""``learnfold generate``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from learnfold.cli import date_argument
from learnfold.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from learnfold.generate import Semester
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold generate demo/master --events 100000 --duplicates 0.01 --malformed 0.001"
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="?", help="a new folder for the events, and for _truth.json to test against"
    )
    parser.add_argument(
        "--events", type=_count, default=1_000_000, metavar="N", help="about so many valid events (default: 1000000)"
    )
    parser.add_argument("--days", type=int, default=90, metavar="N", help="days of the semester (default: 90)")
    parser.add_argument("--start", type=date_argument, metavar="DATE", help="its first day (default: 2025-09-01)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed, the same events (default: 1)")
    parser.add_argument(
        "--duplicates", type=float, default=0.0, metavar="SHARE", help="share of events delivered again"
    )
    parser.add_argument(
        "--late", type=float, default=0.0, metavar="SHARE", help="share of events that come after their day"
    )
    parser.add_argument(
        "--out-of-order", type=float, default=0.0, metavar="SHARE", help="share of events that come out of order"
    )
    parser.add_argument(
        "--malformed", type=float, default=0.0, metavar="SHARE", help="share of further rows that are no valid events"
    )
    parser.add_argument(
        "--troubled", type=float, default=0.0, metavar="SHARE", help="share of enrolled students with a planted trouble"
    )
    parser.add_argument("--awkward", action="store_true", help="mix shapes, types, missing and extra fields, for tests")
    parser.add_argument(
        "--shape", choices=["flat", "envelope", "jsonl"], default="flat", help="of the files (default: flat)"
    )
    parser.add_argument("--to-kafka", action="store_true", help="send the events to Kafka instead, keyed by user")
    parser.add_argument(
        "--servers",
        dest="kafka_servers",
        metavar="HOST:PORT",
        help="Kafka's bootstrap servers (default: localhost:9092)",
    )
    parser.add_argument(
        "--rate", type=float, metavar="N", help="messages a second to Kafka (default: as fast as it goes)"
    )
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Makes up the events and prints how many."""
    from dataclasses import asdict

    from learnfold.cli.table import table, to_json
    from learnfold.generate import Limits, Semester, generate

    if bool(args.folder) == args.to_kafka:
        raise UsageError("name a new folder for the events, or --to-kafka")
    names = ("events", "days", "seed", "duplicates", "late", "out_of_order", "malformed", "awkward", "troubled")
    semester = Semester(**{name: getattr(args, name) for name in names} | ({"start": args.start} if args.start else {}))
    if args.to_kafka:
        return _produce(semester, args, settings)
    progress = _Line()
    began = time.perf_counter()
    made = generate(
        semester,
        args.folder,
        shape=args.shape,
        limits=Limits(settings.memory, settings.threads, settings.temporary_folder),
        progress=progress.step,
    )
    progress.done()
    if args.json:
        print(to_json(asdict(made)))
    else:
        print(table(["topic", "events"], sorted(made.by_topic.items())))
        seconds = time.perf_counter() - began
        print(
            f"\n{made.events:,} events, {made.rows:,} rows in {made.files:,} files, {made.bytes:,} bytes, {seconds:.1f} s"
        )
        print(f"what is known of them: {made.truth}")
    return 0


def _produce(semester: Semester, args: argparse.Namespace, settings: Settings) -> int:
    from learnfold.generate import Limits, messages
    from learnfold.kafka.produce import produce

    limits = Limits(settings.memory, settings.threads, settings.temporary_folder)
    sent = produce(messages(semester, limits), settings, rate=args.rate)
    print(f"{sent:,} messages sent to {settings.shown()['kafka_servers']}")
    return 0


class _Line:
    """One changing line on a terminal."""

    def step(self, done: int, days: int, rows: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[Kday {done} of {days}, {rows:,} rows")

    def done(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")


def _count(text: str) -> int:
    """A whole number; 1e6 and 1_000_000 are fine."""
    import argparse

    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not value.is_integer():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(value)
