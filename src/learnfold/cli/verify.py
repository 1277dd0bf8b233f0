"""``learnfold verify``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from learnfold.cli import log_argument

if TYPE_CHECKING:
    import argparse

    from learnfold.operate.verify import Verification
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold verify demo/master demo/views --job video"
    parser.add_argument("input", metavar="IN", help="the master dataset that the views were made from")
    parser.add_argument("output", metavar="OUT", help="where the views are")
    parser.add_argument(
        "--job", action="append", default=[], metavar="JOB", help="only this subject's views; may be given again"
    )
    parser.add_argument("--examples", type=int, default=3, metavar="N", help="rows shown of each kind (default: 3)")
    parser.add_argument("--engine", choices=["duckdb", "spark"], help="where SQL runs (default: duckdb)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    log_argument(parser)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Recomputes and compares; 1 where a view differs or couldn't be compared."""
    from learnfold import catalog
    from learnfold.batch.context import Workspace
    from learnfold.cli.table import to_json
    from learnfold.operate.verify import verify
    from learnfold.storage import open_storage
    from learnfold.telemetry.reporter import TerminalReporter

    workspace = Workspace(
        open_storage(args.output, settings), catalog.load(), settings, TerminalReporter(log_format=settings.log_format)
    )
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
