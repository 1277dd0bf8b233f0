"""``learnfold speed``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from learnfold.cli import log_argument, reporter_of
from learnfold.errors import UsageError
from learnfold.speed.reports import SpeedReport, StreamReport

if TYPE_CHECKING:
    import argparse

    from learnfold.settings import Settings
    from learnfold.telemetry.reporter import Reporter


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = (
        "example: learnfold speed demo/views --kafka localhost:9092 --state demo/live\n"
        "         learnfold serve demo/views --state demo/live --open\n"
        "on Spark: learnfold speed demo/views --engine spark --kafka localhost:9092 --parts demo/parts\n"
        "          learnfold speed demo/views --parts demo/parts --state demo/live\n"
        "without Kafka: learnfold speed demo/views --follow demo/master --state demo/live"
    )
    parser.add_argument("output", metavar="OUT", help="where batches are published: a folder or s3://bucket/path")
    parser.add_argument(
        "--kafka",
        dest="kafka_servers",
        metavar="HOST:PORT",
        help="Kafka's bootstrap servers (default: localhost:9092)",
    )
    parser.add_argument(
        "--engine",
        dest="reads",
        choices=["duckdb", "spark"],
        default="duckdb",
        help="spark: a job of Structured Streaming that reads Kafka and puts what it read into --parts (default: duckdb, this process)",
    )
    parser.add_argument(
        "--parts",
        metavar="PARTS",
        help="a folder or s3://bucket/path: where the job on Spark puts its parts; without --engine spark, they are taken in place of Kafka",
    )
    parser.add_argument(
        "--follow",
        metavar="MASTER",
        help="the master dataset that the batch was made from: its new files are taken in place of Kafka",
    )
    parser.add_argument(
        "--checkpoint", metavar="URL", help="where Spark notes how far the job is (default: below PARTS)"
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        help="local folder of the live state, for 'learnfold serve --state' (default: one in the cache folder, by OUT)",
    )
    parser.add_argument("--once", action="store_true", help="take what is there now, and stop")
    parser.add_argument("--with-parent", action="store_true", help="end when the process ends that started this one")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--memory", metavar="SIZE", help="memory DuckDB may use, such as 1GB")
    parser.add_argument(
        "--metrics-port", type=int, metavar="PORT", help="serve Prometheus metrics at this port of this machine"
    )
    log_argument(parser)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Follows Kafka, or files, until it is stopped."""
    from learnfold.cli.table import to_json

    if args.follow is not None:
        others = {"--kafka": args.kafka_servers, "--parts": args.parts, "--engine spark": args.reads == "spark"}
        given = [flag for flag, value in others.items() if value]
        if given:
            raise UsageError(f"--follow takes files in place of Kafka; it doesn't go with {given[0]}")
        if not args.follow.strip():
            raise UsageError("--follow needs the master dataset that the batch was made from")
    if args.checkpoint and args.reads != "spark":
        raise UsageError("--checkpoint is Spark's; it goes with --engine spark")
    reporter = reporter_of(args, settings, lines=True)
    report = _stream(args, settings, reporter) if args.reads == "spark" else _follow(args, settings, reporter)
    print(to_json(vars(report)) if args.json else _text(report))
    return 0 if isinstance(report, SpeedReport) or not report.stopped else 1


def _follow(args: argparse.Namespace, settings: Settings, reporter: Reporter) -> SpeedReport:
    from learnfold import catalog
    from learnfold.speed.loop import Speed, SpeedRequest
    from learnfold.speed.place import state_folder
    from learnfold.telemetry.endpoint import open_numbers
    from learnfold.telemetry.metrics import SPEED

    parent = os.getppid() if args.with_parent else None
    state = args.state or state_folder(args.output)
    request = SpeedRequest(args.output, state, args.once, parent, args.parts or "", args.follow or "")
    numbers = open_numbers(SPEED, settings)
    return Speed(request, catalog.load(), settings, reporter, _stopper(reporter), numbers).run()


def _stream(args: argparse.Namespace, settings: Settings, reporter: Reporter) -> StreamReport:
    from learnfold import catalog
    from learnfold.speed.stream import Stream, StreamRequest

    if not args.parts:
        raise UsageError(
            "--engine spark needs --parts: where what Spark has read is put, for 'learnfold speed OUT --parts'"
        )
    request = StreamRequest(args.output, args.parts, args.checkpoint or "", args.once)
    return Stream(request, catalog.load(), settings, reporter, _stopper(reporter)).run()


def _stopper(reporter: Reporter) -> Any:
    """Set by the first SIGTERM or SIGINT, after which the tick under way is ended; a second one ends at once."""
    import signal
    import threading

    stop = threading.Event()

    def stopped(number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        reporter.problem(f"{signal.Signals(number).name}: ending the tick, then leaving")
        stop.set()

    signal.signal(signal.SIGTERM, stopped)
    signal.signal(signal.SIGINT, stopped)
    return stop


def _text(report: SpeedReport | StreamReport) -> str:
    if isinstance(report, StreamReport):
        lines = [f"{report.parts:,} parts of {report.messages:,} messages; {report.seconds:.1f} s"]
        return "\n".join(lines + [f"{topic} stopped: {why}" for topic, why in report.stopped.items()])
    lines = [
        f"{report.events:,} events over batch {report.batch}, {report.duplicates:,} duplicates, {report.invalid:,} invalid, "
        f"{report.waiting:,} wait for the next batch; {report.seconds:.1f} s"
    ]
    lines += [f"{partition} stands still: {why}" for partition, why in report.blocked.items()]
    lines += [f"{view} is answered by the batch alone: {why}" for view, why in report.without.items()]
    return "\n".join(lines)
