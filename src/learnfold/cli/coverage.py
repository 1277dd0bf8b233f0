"""``learnfold coverage``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.errors import MissingDataError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from learnfold.catalog.coverage import Coverage
    from learnfold.settings import Settings

_MOST_MISSING = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = (
        "example: learnfold coverage demo/master\nexample: learnfold coverage --sample statements.jsonl.gz --from xapi"
    )
    parser.add_argument("input", nargs="?", metavar="MASTER", help="the master dataset: a folder or s3://bucket/path")
    parser.add_argument(
        "--sample", nargs="+", default=[], metavar="FILE", help="files that are ingested to look at, and nowhere kept"
    )
    parser.add_argument(
        "--from", dest="mapping", metavar="MAPPING", help="what the sample holds, as for learnfold ingest"
    )
    parser.add_argument(
        "--view", action="append", default=[], metavar="VIEW", help="only this view; may be given again"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Prints how full the views will be."""
    from pathlib import Path

    from learnfold import catalog
    from learnfold.cli.table import to_json
    from learnfold.operate.coverage import coverage
    from learnfold.storage.scratch import scratch

    if bool(args.input) == bool(args.sample):
        raise UsageError("name a master dataset, or files by --sample")
    if args.mapping and not args.sample:
        raise UsageError("--from says what a --sample holds; a master dataset holds events")
    found = catalog.load()
    wanted = [found.view(name).name for name in args.view] or list(found.views)
    place = scratch(settings.temporary_folder)
    try:
        master = args.input or _ingested(args, settings, Path(place.path))
        covered = [one for one in coverage(master, found, settings) if one.view in wanted]
    finally:
        place.cleanup()
    print(to_json({"views": [_report(one) for one in covered]}) if args.json else _text(covered))
    return 0


def _ingested(args: argparse.Namespace, settings: Settings, place: Path) -> str:
    """A master dataset of the sample; raises MissingDataError where it holds no event."""
    from learnfold import catalog
    from learnfold.ingest.files.backfill import Backfill
    from learnfold.ingest.files.located import located
    from learnfold.ingest.mapping.file import load
    from learnfold.storage import open_storage

    master = str(place / "master")
    mapping = load(args.mapping) if args.mapping else None
    backfill = Backfill(open_storage(master, settings), catalog.load(), settings, mapping=mapping)
    try:
        reports = [backfill.take(source) for source in located(args.sample, settings)]
    finally:
        backfill.close()
    if not any(report.events for report in reports):
        reasons = {reason for one in reports for why in one.quarantined.values() for reason in why}
        raise MissingDataError(
            f"no event is in the sample: {'; '.join(sorted(reasons)[:_MOST_MISSING]) or 'it is empty'}. "
            "--from says what files of a platform hold"
        )
    return master


def _report(one: Coverage) -> dict[str, Any]:
    columns = [
        {"column": name, "state": share.state, "share": round(share.of, 6), "missing": list(share.missing)}
        for name, share in one.columns.items()
    ]
    return {"view": one.view, "state": one.state, "missing": list(one.missing), "columns": columns}


def _text(covered: Sequence[Coverage]) -> str:
    from learnfold.cli.table import table

    counts = {state: sum(one.state == state for one in covered) for state in ("full", "partly", "empty")}
    lines = [table(["view", "is", "missing"], [(one.view, one.state, _missing(one.missing)) for one in covered])]
    columns = [
        (one.view, name, f"{int(1000 * share.of) / 10:g} %", _missing(share.missing))
        for one in covered
        if one.state == "partly"
        for name, share in one.columns.items()
        if share.state != "full"
    ]
    if columns:
        lines += ["", table(["view", "column", "events with it", "missing"], columns)]
    return "\n".join([*lines, "", ", ".join(f"{number} {state}" for state, number in counts.items())])


def _missing(texts: Sequence[str]) -> str:
    more = len(texts) - _MOST_MISSING
    return "; ".join(texts[:_MOST_MISSING]) + (f"; and {more} more" if more > 0 else "")
