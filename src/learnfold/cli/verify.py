"""``learnfold verify``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from learnfold.cli import log_argument, reporter_of
from learnfold.errors import UsageError
from learnfold.settings import ENGINES

if TYPE_CHECKING:
    import argparse

    from learnfold.operate.files import FilesVerification
    from learnfold.operate.verify import Verification
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold verify demo/master demo/views --job video"
    parser.add_argument(
        "input", metavar="IN", nargs="?", help="the master dataset that the views were made from; --files needs none"
    )
    parser.add_argument("output", metavar="OUT", help="where the views are")
    parser.add_argument(
        "--job", action="append", default=[], metavar="JOB", help="only this subject's views; may be given again"
    )
    parser.add_argument(
        "--files",
        action="store_true",
        help="recompute nothing: compare every file's bytes with what was written, of all batches",
    )
    parser.add_argument("--examples", type=int, default=3, metavar="N", help="rows shown of each kind (default: 3)")
    parser.add_argument("--engine", choices=ENGINES, help="where SQL runs (default: duckdb)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    log_argument(parser)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Recomputes and compares, or reads the files alone; 1 where something differs or couldn't be compared."""
    from learnfold import catalog
    from learnfold.batch.context import Workspace
    from learnfold.cli.table import to_json
    from learnfold.operate.files import verify_files
    from learnfold.operate.verify import verify
    from learnfold.storage import open_storage

    if args.input is None and not args.files:
        raise UsageError(
            "IN is missing: 'learnfold verify IN OUT' recomputes from IN; 'learnfold verify OUT --files' reads OUT alone"
        )
    workspace = Workspace(open_storage(args.output, settings), catalog.load(), settings, reporter_of(args, settings))
    if args.files:
        read = verify_files(workspace, args.job)
        print(to_json(files_json(read)) if args.json else files_text(read))
        return 0 if read.right else 1
    found = verify(workspace, args.input, args.job, args.examples)
    if args.json:
        print(to_json(as_json(found)))
    else:
        print(text(found))
    if found.new_files:
        print(
            f"{found.new_files} files came since batch {found.batch} and were left out; 'learnfold run' takes them in",
            file=sys.stderr,
        )
    return 0 if found.right else 1


def text(found: Verification) -> str:
    """The outcome for people."""
    from learnfold.cli.diff import examples
    from learnfold.cli.table import table

    wrong = [view for view in found.views if not view.rows.same]
    rows = [
        (v.view, v.rows.rows_before, v.rows.rows_after, v.rows.added, v.rows.removed, v.rows.changed) for v in wrong
    ]
    paragraphs = []
    if rows:
        paragraphs.append(table(["wrong view", "rows published", "right", "missing", "too many", "changed"], rows))
        words = {"added": "missing", "removed": "too many", "changed": "published -> right"}
        paragraphs += [examples(view, words) for view in wrong]
    if found.facts:
        paragraphs.append("\n".join(found.facts))
    if found.unverified:
        paragraphs.append(table(["not verified", "why"], list(found.unverified.items())))
    if found.plain:
        paragraphs.append("\n".join([*found.plain, "'learnfold run' puts the plain paths right"]))
    right = len(found.views) - len(wrong)
    paragraphs.append(
        f"batch {found.batch}: {right} views are right, {len(wrong)} wrong, {len(found.unverified)} not verified"
    )
    return "\n\n".join(paragraphs)


def as_json(found: Verification) -> dict[str, object]:
    """The outcome as data; rows "before" are the published ones, "after" the right ones."""
    from dataclasses import asdict

    return {
        "batch": found.batch,
        "right": found.right,
        "views": [{"view": view.view, **asdict(view.rows)} for view in found.views],
        "facts": found.facts,
        "unverified": found.unverified,
        "plain_paths": found.plain,
        "new_files": found.new_files,
    }


def files_text(found: FilesVerification) -> str:
    """What reading the files showed, for people."""
    from learnfold.cli.table import table

    paragraphs = []
    if found.damaged:
        paragraphs.append(table(["damaged", "why"], list(found.damaged.items())))
    if found.published:
        paragraphs.append(
            "Readers and the next run need some of these. Remove them, and 'learnfold run' makes them again from the events"
        )
    elif found.damaged:
        paragraphs.append("Only older batches need these; they can't be published again")
    if found.plain:
        paragraphs.append("\n".join([*found.plain, "'learnfold run' puts the plain paths right"]))
    unknown = f"; of {found.unknown:,} only the size was compared, since no digest was written" if found.unknown else ""
    paragraphs.append(
        f"batch {found.batch} and {len(found.batches) - 1} older ones: {found.files:,} files ({found.bytes:,} bytes) read, "
        f"{len(found.damaged):,} damaged{unknown}"
    )
    return "\n\n".join(paragraphs)


def files_json(found: FilesVerification) -> dict[str, object]:
    """What reading the files showed, as data."""
    return {
        "batch": found.batch,
        "right": found.right,
        "batches": found.batches,
        "files": found.files,
        "bytes": found.bytes,
        "damaged": found.damaged,
        "published_damaged": found.published,
        "without_digest": found.unknown,
        "plain_paths": found.plain,
    }
