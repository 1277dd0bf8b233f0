"""``learnfold rollback``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold rollback demo/views"
    parser.add_argument("output", metavar="OUT", help="where the views are")
    parser.add_argument(
        "batch",
        metavar="BATCH",
        nargs="?",
        default="previous",
        help="the batch to publish again (default: the one before)",
    )
    parser.add_argument(
        "--wait", dest="wait_seconds", type=float, metavar="SECONDS", help="wait so long for another run into OUT"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Publishes an earlier batch again."""
    from learnfold import catalog
    from learnfold.batch.context import Workspace
    from learnfold.cli.table import to_json
    from learnfold.operate.rollback import rollback
    from learnfold.storage import open_storage

    done = rollback(Workspace(open_storage(args.output, settings), catalog.load(), settings), args.batch)
    manifest = done.manifest
    if args.json:
        print(to_json({"batch": manifest.batch, "of": manifest.of, "replaced": manifest.parent, "stayed": done.stayed}))
    else:
        replaced = manifest.parent or "what couldn't be read"
        print(f"published {manifest.of} again, as batch {manifest.batch}, in place of {replaced}")
    if done.stayed:
        print(f"{manifest.of} doesn't hold {', '.join(done.stayed)}: what was published of it stays", file=sys.stderr)
    return 0
