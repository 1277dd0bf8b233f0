"""The paths below OUT have one home."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from learnfold.storage import out_layout

SOURCE = Path(__file__).resolve().parents[2] / "src" / "learnfold"

HOMES = {"storage/out_layout.py", "master/file_names.py"}
"""The layouts of OUT and of MASTER, which has a quarantine too. The state folder of live answers is elsewhere, with a pointer of its own."""

FOLDERS = [out_layout.LEASES, out_layout.RECEIPTS, *out_layout.RUN_FOLDERS, out_layout.SCHEDULE_JOURNAL.split("/")[0]]


def test_no_other_module_spells_a_path_below_out() -> None:
    """A folder's or a manifest's name stands in the layout alone; whoever needs a path asks for it by name."""
    spelled = re.compile(rf"(?<!\w)(?:{'|'.join(FOLDERS)})(?!\w)|manifest\.json|current\.json|part-00000")
    found = []
    for file in sorted(SOURCE.rglob("*.py")):
        if (name := file.relative_to(SOURCE).as_posix()) not in HOMES | {"generate/write.py", "speed/place.py"}:
            tree = ast.parse(file.read_text("utf-8"))
            told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
            texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in told]
            found += [
                (name, node.value) for node in texts if isinstance(node.value, str) and spelled.search(node.value)
            ]
    assert found == []


@pytest.mark.parametrize(
    ("path", "belongs"),
    [
        (out_layout.manifest_path("b"), True),
        (out_layout.view_path("b", "video_popularity"), True),
        (out_layout.rollup_path("video_watches", "b-0000"), True),
        (out_layout.quarantine_path("video_topic", "0f"), True),
        (out_layout.POINTER, False),
        (out_layout.plain_note_path("video"), False),
        (out_layout.lease_path("video"), False),
        (out_layout.receipt_path("2026-01-02T03:04:05.678Z", "0" * 64), False),
        (out_layout.SCHEDULE_JOURNAL, False),
        ("video_popularity/part-00000.parquet", False),
        ("_rollups/video_watches/.b-0000.parquet.tmp-12-0f", False),
        ("_batches/.current.json.lock", False),
    ],
)
def test_what_cleaning_may_remove_is_told_by_the_path(path: str, *, belongs: bool) -> None:
    """Files that a batch may need are; what readers, leases and people go by is not, and nothing half written."""
    assert out_layout.is_run_file(path) is belongs


def test_a_manifests_path_names_its_batch() -> None:
    """And no other file is taken for a manifest."""
    assert out_layout.batch_of_manifest(out_layout.manifest_path("b")) == "b"
    others = [out_layout.POINTER, out_layout.view_path("b", "manifest.json"), "_rollups/r/manifest.json"]
    assert [out_layout.batch_of_manifest(path) for path in others] == [None] * 3


def test_a_quarantines_path_names_its_topic() -> None:
    """Cleaning asks by it which job may write the file."""
    assert out_layout.topic_of_quarantine(out_layout.quarantine_path("video_topic", "0f")) == "video_topic"
