"""``learnfold retract``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold retract demo/master e1 e2 --topic video_topic --reason test"
    parser.add_argument("master", metavar="MASTER", help="the master dataset: a folder or s3://bucket/path")
    parser.add_argument("ids", nargs="*", metavar="EVENT_ID", help="the event_id of an event that never was")
    parser.add_argument("--topic", required=True, metavar="TOPIC", help="the events' topic")
    parser.add_argument("--ids-from", metavar="FILE", help="a text file with an event_id a line; - for standard input")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for those who ask later")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Takes events back."""
    from dataclasses import asdict

    from learnfold import catalog
    from learnfold.cli.table import to_json
    from learnfold.errors import MissingDataError
    from learnfold.ingest.retract import retract
    from learnfold.storage import open_storage

    topic = catalog.load().topic(args.topic)
    ids = [*args.ids, *(_listed(args.ids_from) if args.ids_from else ())]
    master = open_storage(args.master, settings)
    if not master.exists():
        raise MissingDataError(f"there is no master dataset at {master.url}: has ingestion run? Is the path right?")
    done = retract(master, topic, ids, args.reason, settings)
    if args.json:
        print(to_json(asdict(done)))
    elif done.known:
        print(f"the same was taken back before: {done.file}")
    else:
        print(f"{done.ids:,} event ids of {done.topic} are taken back; the next run counts their events no longer")
    return 0


def _listed(name: str) -> list[str]:
    import sys
    from pathlib import Path

    from learnfold.errors import UsageError

    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"{name} can't be read: {getattr(error, 'strerror', None) or error}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]
