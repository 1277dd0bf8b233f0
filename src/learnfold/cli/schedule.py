"""``learnfold schedule``."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from learnfold.cli import log_argument, reporter_of
from learnfold.errors import UsageError
from learnfold.schedule.frequency import FREQUENCIES, frequency
from learnfold.settings import ENGINES

if TYPE_CHECKING:
    import argparse
    from types import FrameType

    from learnfold.schedule.rule import Rule
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = (
        "example: learnfold schedule demo/master demo/views --cron '30 2 * * *' --zone Asia/Ho_Chi_Minh --catch-up"
    )
    parser.add_argument("input", metavar="IN", help="the master dataset: a folder or s3://bucket/path")
    parser.add_argument("output", metavar="OUT", help="where the views go: a folder or s3://bucket/path")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--cron", metavar="EXPR", help="when: minute hour day month weekday")
    when.add_argument("--every", choices=list(FREQUENCIES), help="how often (default: daily, at midnight)")
    when.add_argument("--once-at", metavar="TIME", help="once, at 2026-12-01T02:00 of the zone")
    parser.add_argument("--zone", default="UTC", help="time zone of the clock (default: UTC)")
    parser.add_argument(
        "--catch-up", action="store_true", help="run at once if a run was missed while this wasn't running"
    )
    parser.add_argument("--retries", type=int, default=2, metavar="N", help="tries after a failed one (default: 2)")
    parser.add_argument(
        "--retry-seconds", type=float, default=300.0, metavar="SECONDS", help="between them (default: 300)"
    )
    parser.add_argument(
        "--job", action="append", default=[], metavar="JOB", help="only this subject's views; may be given again"
    )
    parser.add_argument("--engine", choices=ENGINES, help="where SQL runs (default: duckdb)")
    log_argument(parser)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Runs by the schedule until SIGTERM or SIGINT; 1 if a run failed for good."""
    from learnfold import catalog
    from learnfold.batch import run as batch
    from learnfold.batch.request import RunRequest
    from learnfold.cli.run import text
    from learnfold.schedule.clock import SystemClock
    from learnfold.schedule.journal import Journal
    from learnfold.schedule.rule import interval_seconds
    from learnfold.schedule.scheduler import RetryPolicy, Scheduler
    from learnfold.storage import open_storage

    if args.retries < 0 or args.retry_seconds < 0:
        raise UsageError("--retries and --retry-seconds can't be negative")
    rule, clock, subjects = _rule(args), SystemClock(), catalog.load()
    reporter = reporter_of(args, settings, lines=True)
    request = RunRequest(args.input, args.output, tuple(subjects.job(name).name for name in args.job))

    # the alert rules go by it
    settings = replace(
        settings, run_interval_seconds=settings.run_interval_seconds or interval_seconds(rule, clock.now())
    )

    def work(_moment: datetime) -> None:
        print(text(batch.run(request, subjects, settings, reporter)), flush=True)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if clock.stopped:  # the second time it is meant at once
            raise KeyboardInterrupt
        reporter.log("schedule", note="asked to end: a run under way is finished first")
        clock.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    reporter.log("schedule", note=f"schedule {rule.name} into {args.output}")
    journal = Journal(open_storage(args.output, settings))
    policy = RetryPolicy(args.catch_up, args.retries, args.retry_seconds)
    failed = Scheduler(journal, clock, policy, reporter).run(rule, work)
    return 1 if failed else 0


def _rule(args: argparse.Namespace) -> Rule:
    from learnfold.schedule.rule import Cron, Once

    try:
        zone = ZoneInfo(args.zone)
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(f"--zone {args.zone} is no time zone; one is called Asia/Ho_Chi_Minh") from error
    if args.once_at:
        try:
            moment = datetime.fromisoformat(args.once_at)
        except ValueError as error:
            raise UsageError(f"--once-at {args.once_at} is no time; one is called 2026-12-01T02:00") from error
        return Once((moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC))
    return Cron(args.cron or frequency(args.every or "daily").cron, args.zone)
