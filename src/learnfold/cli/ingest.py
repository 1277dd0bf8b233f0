"""``learnfold ingest``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from learnfold.cli import log_argument, reporter_of
from learnfold.errors import DataError, LearnfoldError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from learnfold.ingest.files.backfill import FileReport
    from learnfold.ingest.mapping.model import Mapping
    from learnfold.ingest.stream.consumer import StreamReport
    from learnfold.settings import Settings
    from learnfold.telemetry.reporter import Reporter

_MOST_HOURS = 24 * 366


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = (
        "example: learnfold ingest --into demo/master --once\n"
        "example: learnfold ingest --into demo/master --from xapi --topic statements\n"
        "example: learnfold ingest --into demo/master --lrs https://lrs.example.org/xAPI --since 2026-03-01\n"
        "example: learnfold ingest export.jsonl.gz --into demo/master --topic video_topic"
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="JSON, CSV or Parquet, perhaps packed (.gz, .zst), or folders of them; none: from Kafka",
    )
    parser.add_argument(
        "--into", required=True, metavar="MASTER", help="the master dataset: a folder or s3://bucket/path"
    )
    parser.add_argument(
        "--topic",
        action="append",
        default=[],
        metavar="TOPIC",
        help="only this topic; of files, theirs; with --from, a topic of Kafka's that holds a platform's statements",
    )
    parser.add_argument(
        "--from",
        dest="mapping",
        metavar="MAPPING",
        help="what the files, or the topics of Kafka's that --topic names, hold: xapi, caliper, openedx-tracking-log, moodle-log, canvas-live-events, or what a mapping file says",
    )
    parser.add_argument(
        "--roster",
        metavar="FILE",
        help="CSV of user_id,course_id,role: who teaches where, for statements that don't say it",
    )
    parser.add_argument("--memory", metavar="SIZE", help="memory DuckDB may use, such as 1GB")
    parser.add_argument("--threads", type=int, metavar="N", help="threads DuckDB may use")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    log_argument(parser)
    kafka = parser.add_argument_group("from Kafka")
    kafka.add_argument("--once", action="store_true", help="take what is there now, and stop")
    kafka.add_argument(
        "--servers",
        dest="kafka_servers",
        metavar="HOST:PORT",
        help="Kafka's bootstrap servers (default: localhost:9092)",
    )
    kafka.add_argument(
        "--group",
        dest="kafka_group",
        metavar="GROUP",
        help="consumer group; its processes share the work (default: learnfold)",
    )
    kafka.add_argument(
        "--flush-events", type=int, metavar="N", help="write files after so many messages (default: 500000)"
    )
    kafka.add_argument(
        "--flush-bytes", type=int, metavar="N", help="write files after so many bytes (default: 256000000)"
    )
    kafka.add_argument(
        "--flush-seconds", type=float, metavar="S", help="write files after so many seconds (default: 60)"
    )
    kafka.add_argument(
        "--metrics-port",
        type=int,
        metavar="PORT",
        help="serve Prometheus metrics at this port of this machine alone (LEARNFOLD_METRICS_ADDRESS: of others too)",
    )
    kafka.add_argument(
        "--accept-gap", action="store_true", help="go on behind messages that Kafka doesn't have any more"
    )
    kafka.add_argument(
        "--close-after", type=float, metavar="HOURS", help="mark days as closed (_SUCCESS) so long after their end"
    )
    kafka.add_argument(
        "--give-up",
        type=float,
        metavar="SECONDS",
        help="wait for Kafka no longer than this at the start; for an LRS no longer than this at all (default: 60)",
    )
    lrs = parser.add_argument_group("from a learning record store (LRS)")
    lrs.add_argument(
        "--lrs",
        metavar="URL",
        help="take what this store holds, go on where the last such command ended, and stop; "
        "LEARNFOLD_LRS_CREDENTIALS is KEY:SECRET or a token, LEARNFOLD_LRS_CREDENTIALS_FILE a file that holds it",
    )
    lrs.add_argument("--since", metavar="TIME", help="only what it stored after this time, such as 2026-03-01 (UTC)")
    lrs.add_argument(
        "--overlap",
        type=float,
        metavar="HOURS",
        help="ask again for what it stored so long before the last statement that is in (default: 1)",
    )


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Ingests files, or from Kafka until it is stopped."""
    streaming = ("once", "accept_gap", "close_after", "give_up")
    if args.lrs is not None:
        return _lrs(args, settings)
    if args.since is not None or args.overlap is not None:
        raise UsageError("--since and --overlap are of --lrs")
    if args.files:
        wrong = [f"--{name.replace('_', '-')}" for name in streaming if getattr(args, name)]
        if wrong:
            raise UsageError(f"{', '.join(wrong)} is of the ingestion from Kafka; name no files for that")
        if len(args.topic) > 1:
            raise UsageError("files are of one --topic; ingest those of others by another command")
        return _files(args, settings)
    if args.mapping and args.close_after is not None:
        raise UsageError("--close-after is for events of learnfold's own form; leave it out where --from is given")
    return _kafka(args, settings)


def _kafka(args: argparse.Namespace, settings: Settings) -> int:
    from learnfold import catalog
    from learnfold.cli.table import to_json
    from learnfold.ingest.stream.consumer import Stream, StreamRequest
    from learnfold.ingest.stream.context import StreamContext
    from learnfold.storage import open_storage
    from learnfold.telemetry.alerts import Alerts, Work
    from learnfold.telemetry.endpoint import open_numbers
    from learnfold.telemetry.metrics import INGESTION

    request = StreamRequest(tuple(args.topic), args.once, args.accept_gap, args.give_up, args.close_after)
    master, reporter = open_storage(args.into, settings), reporter_of(args, settings, lines=True)
    numbers = open_numbers(INGESTION, settings)
    mapping = _mapping(args)
    context = StreamContext(master, catalog.load(), settings, reporter, _stopper(reporter), numbers, mapping)
    alerts, work = Alerts(settings), Work(("kafka",), args.into, "ingestion")

    def works() -> None:
        for problem in alerts.well(work, master):
            reporter.problem(problem)

    try:
        report = Stream(context, request, works).run()
    except LearnfoldError as error:
        for problem in alerts.failed(work, error, master):
            reporter.problem(problem)
        raise
    print(to_json(_report(report)) if args.json else _text(report))
    return 0


def _stopper(reporter: Reporter) -> Any:
    """Set by the first SIGTERM or SIGINT, after which what is held is written; a second one ends at once."""
    import signal
    import threading

    stop = threading.Event()

    def stopped(number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        reporter.problem(f"{signal.Signals(number).name}: writing what is held, then leaving")
        stop.set()

    signal.signal(signal.SIGTERM, stopped)
    signal.signal(signal.SIGINT, stopped)
    return stop


def _report(report: StreamReport) -> dict[str, Any]:
    done = report.flushed
    return {
        "events": done.events,
        "bytes": done.bytes,
        "quarantined": done.quarantined,
        "files": done.files,
        "offsets": report.offsets,
        "closed": report.closed,
        "seconds": round(report.seconds, 3),
    }


def _text(report: StreamReport) -> str:
    from learnfold.cli.table import table

    done = report.flushed
    names = sorted({*done.events, *done.quarantined})
    rows = [(name, done.events.get(name, 0), sum(done.quarantined.get(name, {}).values())) for name in names]
    total = sum(done.events.values())
    return (
        f"{table(['topic', 'events', 'quarantined'], rows)}\n\n"
        f"{total:,} events in {done.files:,} files, {report.seconds:.1f} s"
    )


def _files(args: argparse.Namespace, settings: Settings) -> int:
    from learnfold import catalog
    from learnfold.cli.table import to_json
    from learnfold.ingest.files.backfill import Backfill
    from learnfold.ingest.files.located import located
    from learnfold.storage import open_storage, passed_over

    mapping = _mapping(args)
    topic = args.topic[0] if args.topic else None
    backfill = Backfill(open_storage(args.into, settings), catalog.load(), settings, topic, mapping)
    reporter, reports = reporter_of(args, settings), []
    errors: list[DataError | UsageError] = []
    try:
        sources = located(args.files, settings)
        for link in sorted({link for source in sources for link in passed_over(source.storage)}):
            reporter.problem(link)
        for source in sources:
            reporter.step("ingesting", source.name)
            try:
                reports.append(backfill.take(source))
                if mapping is not None:
                    _refuse_another_kind(reports[-1], mapping.name)
            except (DataError, UsageError) as error:  # of this file; the others are taken all the same
                errors.append(error)
    finally:
        reporter.done()
        backfill.close()
    if reports or not errors:
        print(to_json({"files": [vars(one) for one in reports]}) if args.json else _files_text(reports))
    if errors:
        worst = DataError if any(isinstance(error, DataError) for error in errors) else UsageError
        raise worst("\n".join(map(str, errors)))
    return 0


def _lrs(args: argparse.Namespace, settings: Settings) -> int:
    from learnfold import catalog
    from learnfold.cli.table import to_json
    from learnfold.ingest.lrs.pull import PullContext, pull
    from learnfold.ingest.lrs.store import Store, StoreRequest, authorization
    from learnfold.ingest.mapping.file import load, with_roster
    from learnfold.storage import open_storage

    if args.files or args.topic or args.accept_gap or args.close_after is not None:
        raise UsageError("--lrs takes no files, --topic, --accept-gap or --close-after")
    overlap, patience = (
        default if value is None else value for value, default in ((args.overlap, 1.0), (args.give_up, 60.0))
    )
    if not 0 <= overlap <= _MOST_HOURS or not 0 <= patience < math.inf:
        raise UsageError(f"--overlap is 0 to {_MOST_HOURS} hours, --give-up at least 0 seconds")
    mapping = with_roster(load(args.mapping or "xapi"), args.roster)
    reporter = reporter_of(args, settings)
    store = Store(
        StoreRequest(args.lrs, authorization(settings), patience), lambda why: reporter.log_rarely("waiting", why=why)
    )
    context = PullContext(open_storage(args.into, settings), catalog.load(), settings, mapping, reporter)
    report = pull(context, store, args.since, overlap)
    print(to_json({"files": [vars(report)]}) if args.json else _files_text([report]))
    return 0


def _mapping(args: argparse.Namespace) -> Mapping | None:
    """What --from names, with what --roster says; None: the files or topics hold learnfold's own events."""
    from learnfold.ingest.mapping.file import load, with_roster

    if args.roster is not None and not args.mapping:
        raise UsageError("--roster is for statements of a platform; say what they are by --from")
    return with_roster(load(args.mapping), args.roster) if args.mapping else None


def _refuse_another_kind(report: FileReport, mapping: str) -> None:
    """Raises DataError for a file of which nothing is what the mapping reads: it is of another program. What it holds is in the quarantine."""
    from learnfold.catalog import reasons
    from learnfold.ingest.mapping.item import is_foreign

    why = {reason: count for counts in report.quarantined.values() for reason, count in counts.items()}
    if report.events or report.retracted or not why:
        return
    begins = f"{report.name} is no file that {mapping} reads: "
    if set(why) == {reasons.NOT_JSON}:
        raise DataError(f"{begins}none of its {why[reasons.NOT_JSON]:,} lines is JSON. They are in the quarantine")
    if all(reason == reasons.NOT_JSON or is_foreign(reason) for reason in why):
        most = max(why, key=lambda reason: why[reason])
        raise DataError(f"{begins}{most}. What it holds ({sum(why.values()):,}) is in the quarantine")


def _done(report: FileReport) -> str:
    if report.known:
        return "in already; nothing changed"
    return f"{report.files} files written{' of what is new' if report.grown else ''}"


def _files_text(reports: Sequence[FileReport]) -> str:
    from learnfold.cli.table import table

    rows = [
        (
            one.name,
            sum(one.events.values()),
            sum(sum(reasons.values()) for reasons in one.quarantined.values()),
            _done(one),
        )
        for one in reports
    ]
    reasons = [
        (topic, reason, count)
        for one in reports
        for topic, counts in one.quarantined.items()
        for reason, count in counts.items()
    ]
    lines = [table(["file", "events", "quarantined", "done"], rows)]
    if reasons:
        lines += ["", table(["quarantined: topic", "reason", "events"], reasons)]
    return "\n".join(lines)
