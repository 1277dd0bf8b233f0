"""``learnfold clean``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from learnfold.batch.clean import CleanReport
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold clean demo/views --keep 3 --dry-run"
    parser.add_argument("output", metavar="OUT", help="where the views are")
    parser.add_argument("--keep", dest="keep_batches", type=int, metavar="N", help="batches that stay (default: 5)")
    parser.add_argument(
        "--grace-minutes",
        type=float,
        metavar="M",
        help="minutes that files stay for readers that still hold them (default: 60)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")
    parser.add_argument(
        "--wait",
        dest="wait_seconds",
        type=float,
        metavar="SECONDS",
        help="wait so long for a rollback or another cleaning",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Removes old batches and what no batch needs."""
    from dataclasses import asdict

    from learnfold import catalog
    from learnfold.batch.clean import clean
    from learnfold.batch.context import Workspace
    from learnfold.cli.table import to_json
    from learnfold.storage import open_storage

    done = clean(Workspace(open_storage(args.output, settings), catalog.load(), settings), dry_run=args.dry_run)
    print(to_json(asdict(done)) if args.json else text(done))
    return 0


def text(done: CleanReport) -> str:
    """What went, for people."""
    lines = [f"removed batch {batch}" for batch in done.removed]
    lines += [f"removed the lease that a dead run had on {job}" for job in done.leases]
    lines.append(f"removed {len(done.files):,} files ({done.bytes:,} bytes)")
    if done.dry_run:
        lines = [line.replace("removed", "would remove", 1) for line in lines]
    lines.append(
        f"kept {len(done.kept)} {'batch' if len(done.kept) == 1 else 'batches'}: {', '.join(done.kept) or 'none'}"
    )
    if done.waiting:
        lines.append(
            f"{done.waiting:,} files that no batch needs stay for now: they are young, or a live run may be writing them"
        )
    return "\n".join(lines)
