"""``learnfold erase``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from learnfold.cli import log_argument, reporter_of

if TYPE_CHECKING:
    import argparse

    from learnfold.batch.erasure_receipt import ErasureReceipt
    from learnfold.privacy.erasure import Erasure
    from learnfold.settings import Settings

_SHOWN = 40


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold erase SV00042 demo/master demo/views"
    parser.add_argument("user_id", metavar="USER_ID", help="the person, as user_id or student_id names them")
    parser.add_argument("input", metavar="IN", help="the whole master dataset")
    parser.add_argument("output", metavar="OUT", help="where the views are")
    parser.add_argument("--yes", action="store_true", help="do it; without, only say what would be done")
    parser.add_argument(
        "--skip-unreadable", action="store_true", default=None, help="continue although some files can't be searched"
    )
    parser.add_argument(
        "--wait", dest="wait_seconds", type=float, metavar="SECONDS", help="wait so long for another run into OUT"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    log_argument(parser)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Erases a person, or says what would be erased."""
    from learnfold import catalog
    from learnfold.batch.context import Workspace
    from learnfold.cli.table import to_json
    from learnfold.privacy.erase import erase
    from learnfold.storage import open_storage

    workspace = Workspace(open_storage(args.output, settings), catalog.load(), settings, reporter_of(args, settings))
    found = erase(workspace, args.user_id, args.input, dry_run=not args.yes)
    print(to_json(as_json(found)) if args.json else text(found))
    if not found.searched_in_texts:
        print(
            f"{args.user_id!r} is a number or a common word: only user_id, student_id (in texts too) and message keys were compared with it; "
            "words that mention the person were not looked for",
            file=sys.stderr,
        )
    if found.dry_run and not found.nothing:
        print("nothing was changed; --yes does it, and it can't be undone", file=sys.stderr)
    if not found.dry_run and (live := live_states(args.output)):
        print(
            f"not searched: the live states in {live}; 'learnfold speed' drops them when it changes to the batch without the person. "
            "Where it doesn't run, delete the folder",
            file=sys.stderr,
        )
    return 0


def live_states(output: str) -> str:
    """The folder in which this machine keeps live states of OUT, unless another is named for them; "" where it isn't there."""
    from pathlib import Path

    from learnfold.speed.place import state_folder

    folder = state_folder(output)
    return folder if Path(folder).exists() else ""


def text(found: Erasure) -> str:
    """What would be done, or was, for people."""
    if found.nothing:
        earlier = f"; the receipt of an earlier erasure is {found.earlier}" if found.earlier else ""
        files = found.master.files + found.output.files
        return f"nothing of this person is there: {files:,} files searched{earlier}"
    paragraphs = [_rows(found)]
    if found.unfinished and found.receipt is None:
        paragraphs.append(
            f"an erasure of this person was begun and not finished ({found.unfinished}); this continues it"
        )
    if found.receipt is None:
        files = len(found.files_to_write)
        paragraphs.append(_files(found))
        paragraphs.append(
            f"would write {files:,} files of the master dataset again, recompute their days, "
            f"and remove {len(found.batches)} batches: {', '.join(found.batches) or 'none'}"
        )
    else:
        paragraphs.append(_receipt(found.receipt))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _rows(found: Erasure) -> str:
    from learnfold.cli.table import table
    from learnfold.privacy.erasure import in_quarantine, topic_of

    files: dict[str, int] = {}
    for path, traces in found.master.traces.items():
        if traces.theirs and not in_quarantine(path):
            files[topic_of(path)] = files.get(topic_of(path), 0) + 1
    rows: list[tuple[object, ...]] = [(topic, files.get(topic, 0), n) for topic, n in found.rows_by_topic.items()]
    if found.quarantine_rows:
        rows.append(("in quarantine", "", found.quarantine_rows))
    paragraphs = [table(["events of the person", "files", "rows"], rows)] if rows else []
    if found.mentions:
        mentions = list(found.mentions.items())
        paragraphs.append(table(["named in events of others (the name goes, the event stays)", "rows"], mentions))
    return "\n\n".join(paragraphs)


def _files(found: Erasure) -> str:
    from learnfold.cli.table import table

    rows = [(p, t.rows, t.theirs, sum(t.mentions.values())) for p, t in found.master.traces.items()]
    if not rows:
        return ""
    shown = table(["file to rewrite", "rows", "theirs", "naming them"], rows[:_SHOWN])
    return shown + (f"\nand {len(rows) - _SHOWN} more; --json lists them" if len(rows) > _SHOWN else "")


def _receipt(receipt: ErasureReceipt) -> str:
    lines = [
        f"wrote {len(receipt.files):,} files of the master dataset again",
        f"published {receipt.batch}" if receipt.batch else "published nothing: there were no views",
        f"removed {len(receipt.batches_removed)} batches and {receipt.files_removed:,} files",
        f"searched {receipt.files_searched:,} files, {receipt.rows_searched:,} rows: {receipt.found} hold the person"
        + ("" if receipt.searched_in_texts else " in a field that identifies one; other texts were not searched"),
        f"receipt: {receipt.path}",
    ]
    lines += [f"not searched: {path}: {why}" for path, why in receipt.not_searched.items()]
    return "\n".join(lines)


def as_json(found: Erasure) -> dict[str, Any]:
    """What would be done, or was, as data."""
    from dataclasses import asdict

    receipt = asdict(found.receipt) if found.receipt else {}
    for proof in ("salt", "digest"):  # which say nothing here
        receipt.pop(proof, None)
    return {
        "dry_run": found.dry_run,
        "nothing": found.nothing,
        "searched_in_texts": found.searched_in_texts,
        "files": {
            path: {"rows": traces.rows, "theirs": traces.theirs, "mentions": traces.mentions}
            for path, traces in found.master.traces.items()
        },
        "rows_by_topic": found.rows_by_topic,
        "quarantine_rows": found.quarantine_rows,
        "mentions": found.mentions,
        "batches": found.batches,
        "unfinished": found.unfinished,
        "earlier": found.earlier,
        "receipt": {"path": found.receipt.path, **receipt} if found.receipt else None,
    }
