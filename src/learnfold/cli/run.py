"""``learnfold run``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from learnfold.cli import date_argument, log_argument, reporter_of
from learnfold.errors import UsageError
from learnfold.settings import ENGINES

if TYPE_CHECKING:
    import argparse

    from learnfold.batch.plan import JobPlan
    from learnfold.batch.run import RunReport
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser, *, job: bool = True) -> None:
    """Declares the flags; ``job``: whether one job may be chosen."""
    parser.epilog = "example: learnfold run demo/master demo/views --job video"
    parser.add_argument(
        "input", metavar="IN", help="the master dataset, or one day's folder of it: a folder or s3://bucket/path"
    )
    parser.add_argument("output", metavar="OUT", help="where the views go: a folder or s3://bucket/path")
    if job:
        parser.add_argument(
            "--job", action="append", default=[], metavar="JOB", help="only this subject's views; may be given again"
        )
    parser.add_argument("--plan", action="store_true", help="say what would be done, and its cost, and do nothing")
    parser.add_argument("--full", action="store_true", help="recompute everything")
    parser.add_argument(
        "--from", dest="first", type=date_argument, metavar="DATE", help="recompute the UTC days from this one on"
    )
    parser.add_argument(
        "--to", dest="last", type=date_argument, metavar="DATE", help="recompute the UTC days up to this one"
    )
    parser.add_argument("--allow-shrink", action="store_true", help="accept that events of the last batch are gone")
    parser.add_argument(
        "--skip-unreadable", action="store_true", default=None, help="go on without files that can't be read"
    )
    parser.add_argument(
        "--wait", dest="wait_seconds", type=float, metavar="SECONDS", help="wait so long for another run into OUT"
    )
    parser.add_argument("--engine", choices=ENGINES, help="where SQL runs (default: duckdb)")
    parser.add_argument("--memory", metavar="SIZE", help="memory DuckDB may use, such as 4GB")
    parser.add_argument("--threads", type=int, metavar="N", help="threads DuckDB may use")
    parser.add_argument(
        "--platform-zone", metavar="ZONE", help="time zone of timestamps without an offset (default: UTC)"
    )
    parser.add_argument(
        "--reporting-zone", metavar="ZONE", help="time zone of the views' dates and hours (default: UTC)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    log_argument(parser)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Runs the batch and prints what it did."""
    from learnfold import catalog
    from learnfold.batch import run as batch
    from learnfold.batch.request import RunRequest, Scope
    from learnfold.cli.table import to_json

    if args.first and args.last and args.last < args.first:
        raise UsageError(f"--to {args.last} is before --from {args.first}")
    request = RunRequest(
        args.input, args.output, tuple(args.job), Scope(args.full, args.first, args.last), args.allow_shrink
    )
    if args.plan:
        plans, unknown_topics = batch.plan(request, catalog.load(), settings)
        print(to_json(plan_json(plans, unknown_topics)) if args.json else plan_text(plans, unknown_topics))
        return 0
    reporter = reporter_of(args, settings)
    result = batch.run(request, catalog.load(), settings, reporter)
    if args.json:
        print(to_json(batch.report(result)))
    else:
        print(text(result))
    for job in result.jobs:
        for name, topic in result.manifest.jobs[job].topics.items():
            if topic.unreadable:
                print(f"left out of {name}, since they can't be read: {', '.join(topic.unreadable)}", file=sys.stderr)
    for topic_name, files in result.unknown_topics.items():
        print(f"left out: topic={topic_name} ({files} files), which no subject reads", file=sys.stderr)
    return 0


def text(result: RunReport) -> str:
    """The report as a table: view, rows, seconds; before it what was read, after it what was left out."""
    from learnfold.cli.remarks import remarks_on
    from learnfold.cli.table import table

    jobs = [result.manifest.jobs[name] for name in result.jobs]
    topics = {name: topic for job in jobs for name, topic in job.topics.items()}
    if result.batch is None:
        repaired = f"; {result.repaired} view file(s) put back in place" if result.repaired else ""
        return f"nothing new since batch {result.manifest.batch}; nothing recomputed{repaired} ({result.seconds:.2f} s)"
    lines = [
        table(
            ["topic", "files", "events", "duplicates dropped", "quarantined"],
            [(n, len(t.files), t.events, t.duplicates, sum(t.quarantined.values())) for n, t in topics.items()],
        ),
        "",
        table(
            ["view", "rows", "seconds", "refresh"],
            [
                (
                    name,
                    view.rows,
                    view.seconds if view.batch == result.batch else 0.0,
                    view.how if view.batch == result.batch else "unchanged",
                )
                for job in jobs
                for name, view in job.views.items()
            ],
        ),
    ]
    reasons = [(name, reason, count) for name, topic in topics.items() for reason, count in topic.quarantined.items()]
    if reasons:
        lines += ["", table(["quarantined: topic", "reason", "events"], reasons)]
    remarks = [
        line
        for name, topic in topics.items()
        for line in remarks_on(name, topic.retracted, topic.conflicting, result.from_future.get(name, 0))
    ]
    lines += ["", *remarks] if remarks else []
    folded = sum(job.folded_days for job in jobs)
    reused = sum(job.reused_days for job in jobs)
    lines += ["", f"batch {result.batch}: {folded} topic days folded, {reused} reused, {result.seconds:.2f} s"]
    return "\n".join(lines)


def plan_text(plans: list[JobPlan], unknown_topics: dict[str, int]) -> str:
    """The plan as a table."""
    from learnfold.cli.table import table

    rows = [list(row.values()) for row in _topics_json(plans)]
    views = sum(len(plan.views) for plan in plans)
    lines = [table(["topic", "days", "files", "bytes", "new files", "gone", "why"], rows)]
    lines += ["", "nothing to do" if all(plan.idle for plan in plans) else f"{views} views to refresh"]
    lines += [
        f"left out: topic={name} ({files} files), which no subject reads" for name, files in unknown_topics.items()
    ]
    return "\n".join(lines)


def plan_json(plans: list[JobPlan], unknown_topics: dict[str, int]) -> dict[str, object]:
    """The plan as data."""
    views = [view for plan in plans for view in plan.views]
    return {"topics": _topics_json(plans), "views": views, "topics_without_subject": unknown_topics}


def _topics_json(plans: list[JobPlan]) -> list[dict[str, object]]:
    topics: list[dict[str, object]] = []
    for plan in plans:
        for topic in plan.topics:
            read = [] if topic.idle else topic.to_read(None if topic.stale else topic.dirty)
            topics.append(
                {
                    "topic": topic.topic.name,
                    "days": 0 if topic.idle else topic.days_to_fold,
                    "files": len(read),
                    "bytes": sum(topic.entries[path].size for path in read),
                    "new_files": len(topic.changed),
                    "gone_files": len(topic.removed),
                    "why": topic.why
                    or (
                        "definition changed"
                        if topic.stale
                        else "files changed"
                        if not topic.idle
                        else "nothing changed"
                    ),
                }
            )
    return topics
