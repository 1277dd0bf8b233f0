"""``learnfold quarantine``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.errors import MissingDataError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from learnfold.ingest.quarantine import Quarantined, Replayed
    from learnfold.settings import Settings
    from learnfold.storage import Storage


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold quarantine demo/master --topic video_topic --limit 5"
    parser.add_argument(
        "place",
        metavar="MASTER|OUT",
        help="a master dataset, for what ingestion refused; or views, for what their batch refused",
    )
    parser.add_argument(
        "--topic", metavar="TOPIC", help="only this topic's; unmapped: statements that no topic was found for"
    )
    parser.add_argument(
        "--limit", type=int, default=3, metavar="N", help="show so many of each reason (default: 3; 0: none)"
    )
    parser.add_argument(
        "--replay", action="store_true", help="take the events of a master dataset in again, after a fix"
    )
    parser.add_argument(
        "--from", dest="mapping", metavar="MAPPING", help="with --replay: translate the unmapped statements by it"
    )
    parser.add_argument(
        "--roster", metavar="FILE", help="with --from: CSV of user_id,course_id,role, as for learnfold ingest"
    )
    parser.add_argument(
        "--wait",
        dest="wait_seconds",
        type=float,
        metavar="SECONDS",
        help="with --replay: wait so long for a compaction or an erasure",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Lists the quarantine, or takes it in again."""
    from learnfold.cli.table import to_json
    from learnfold.ingest.quarantine import COLUMNS, read_quarantine
    from learnfold.storage import open_storage

    if args.mapping and not args.replay:
        raise UsageError("--from says how --replay translates statements; give --replay too")
    if args.roster is not None and not args.mapping:
        raise UsageError("--roster is for statements of a platform; say what they are by --from")
    storage = open_storage(args.place, settings)
    if not storage.exists():
        raise MissingDataError(f"there is nothing at {storage.url}; name a master dataset or a place of views")
    if args.replay:
        done = _replay(storage, args, settings)
        print(to_json([vars(one) for one in done]) if args.json else _replayed(done))
        return 0
    found = read_quarantine(storage, _files(storage, args.topic), settings, args.limit)
    if args.json:
        counts = [dict(zip(("topic", "reason", "events"), count, strict=True)) for count in found.counts]
        print(to_json({"counts": counts, "events": [dict(zip(COLUMNS, row, strict=True)) for row in found.rows]}))
    else:
        print(_text(found))
    return 0


def _files(storage: Storage, topic: str | None) -> list[str]:
    """The quarantine files of the published batch, or, where there are no views, of the master dataset."""
    from learnfold.batch.manifest import read_current
    from learnfold.ingest.quarantine import quarantine_files

    current, _ = read_current(storage)
    if current is None:
        return quarantine_files(storage, topic)
    topics = {name: record for job in current.jobs.values() for name, record in job.topics.items()}
    return sorted(
        {
            file.quarantine
            for name, record in topics.items()
            if topic in {None, name}
            for file in record.files.values()
            if file.quarantine
        }
    )


def _replay(storage: Storage, args: argparse.Namespace, settings: Settings) -> list[Replayed]:
    from learnfold import catalog
    from learnfold.batch.manifest import read_current
    from learnfold.ingest.mapping.file import load, with_roster
    from learnfold.ingest.quarantine import replay

    if read_current(storage)[0] is not None:
        raise UsageError(
            f"{storage.url} holds views. What their batch refused still lies in the files of the master dataset: "
            "after a fix of the definition, 'learnfold run' reads it again by itself"
        )
    mapping = with_roster(load(args.mapping), args.roster) if args.mapping else None
    return replay(storage, catalog.load(), settings, args.topic, mapping)


def _replayed(done: Sequence[Replayed]) -> str:
    from learnfold.cli.table import table

    if not done:
        return "the quarantine is empty"
    rows = [(one.topic, one.taken, one.left) for one in done]
    return table(["quarantine of", "events taken in", "still invalid"], rows)


def _text(found: Quarantined) -> str:
    from learnfold.cli.table import table

    if not found.counts:
        return "the quarantine is empty"
    lines = [table(["topic", "reason", "events"], found.counts)]
    if found.rows:
        names = ["topic", "reason", "from", "event"]
        rows = [
            (
                topic,
                reason,
                f"{file}:{row}" if file else f"{partition}@{offset}",
                event if event is not None else f"\\x{data}",
            )
            for topic, reason, file, row, partition, offset, event, data in found.rows
        ]
        lines += ["", table(names, [(*row[:3], _short(row[3])) for row in rows])]
    return "\n".join(lines)


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}..."  # noqa: PLR2004 - a line of a terminal or two
