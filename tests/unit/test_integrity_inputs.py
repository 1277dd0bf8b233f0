"""Rubbish in any other file that is read gives a message, never a traceback: the master dataset's records, journals, access files."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small_place import Place
from test_integrity_records import said, spoiled

from conftest import tries
from learnfold import catalog
from learnfold.errors import LearnfoldError
from learnfold.ingest.files.receipt import FileReceipt, read_receipt
from learnfold.master.committed_offsets import CommittedOffsets, PartitionProgress
from learnfold.master.compaction_log import Compaction, read_compactions
from learnfold.schedule.journal import Journal
from learnfold.serve.rules import read_access
from learnfold.serve.tokens import new_token, read_tokens
from learnfold.storage.folder import FolderStorage
from learnfold.storage.out_layout import SCHEDULE_JOURNAL

if TYPE_CHECKING:
    from collections.abc import Callable

DIGEST = "ab" * 32

ACCESS = """
operators = ["admin"]
[oidc]
issuer = "https://id.example"
audience = "learnfold"
[[rules]]
role = "teacher"
views = ["video_*"]
column = "course_id"
claim = "courses"
least_people = 5
[[rules]]
role = "admin"
views = ["*"]
rows = "all"
"""


def records(root: Path) -> dict[Path, Callable[[], object]]:
    """Files that are read, with good content, and what reads each."""
    storage = FolderStorage(str(root))
    progress = PartitionProgress("video_topic", 0, 7, gaps=[{"from": 1, "to": 2}], owner={"host": "h"})
    storage.write(progress.path, progress.to_json())
    FileReceipt(DIGEST, "a.csv", 10, "csv", True, ["topic=video_topic/a.parquet"], {"video_topic": 1}).write(storage)
    compaction = Compaction(
        "topic=video_topic/new.parquet", ["topic=video_topic/a.parquet"], "2026-01-01T00:00:00+00:00"
    )
    compaction.write(storage)
    storage.write(SCHEDULE_JOURNAL, b'{"last": "2026-01-01T00:00:00+00:00", "begun": "2026-01-02T00:00:00+00:00"}')
    tokens, access = root / "tokens.json", root / "access.toml"
    _, token = new_token("one", 7, role="teacher", claims={"courses": ("c1",)})
    tokens.write_text(json.dumps({"tokens": [vars(token) if hasattr(token, "__dict__") else {"name": "one"}]}))
    access.write_text(ACCESS)
    return {
        root / progress.path: lambda: CommittedOffsets.read(storage).offsets(),
        root / f"_files/{DIGEST}.json": lambda: read_receipt(storage, DIGEST),
        root / compaction.path: lambda: read_compactions(storage),
        root / SCHEDULE_JOURNAL: lambda: Journal(storage).read(),
        tokens: lambda: read_tokens(tokens),
        access: lambda: read_access(str(access), catalog.load()),
    }


def rubbish(path: Path, chance: random.Random) -> bytes:
    """Other content: of JSON as elsewhere, of TOML cut, flipped, or with other values."""
    data = path.read_bytes()
    if path.suffix == ".json":
        return spoiled(data, chance)
    lines = data.decode().splitlines()
    place = chance.randrange(len(lines))
    name = lines[place].partition(" = ")[0]
    value = chance.choice(["7", "[]", "{}", '""', "true", "[[7]]", "1979-05-27", "{ a = 1 }", '"*"', "-1", "nan"])
    lines[place] = chance.choice(
        [f"{name} = {value}", lines[place][: len(lines[place]) // 2], "\0", "[[[", f"rules = {value}"]
    )
    return "\n".join(lines).encode()


def test_what_is_good_is_read(tmp_path: Path) -> None:
    """The records of these tests are such as commands write."""
    for read in records(tmp_path).values():
        assert read()


def _refused(read: Callable[[], object]) -> str | None:
    """What is said of a file that can't be read; None where it can. Any other error is shown as it is."""
    try:
        read()
    except LearnfoldError as error:
        return str(error)
    return None


@pytest.mark.parametrize("number", range(6))
def test_rubbish_in_any_of_them_is_an_error_of_ours(tmp_path: Path, number: int) -> None:
    """Whatever stands there: it is read, or a LearnfoldError says which file it is."""
    refused = 0
    for seed in range(tries(150)):
        chance = random.Random(f"{number} {seed}")
        path, read = list(records(tmp_path).items())[number]
        data = rubbish(path, chance)
        path.write_bytes(data)
        said = _refused(read)
        refused += said is not None
        assert said is None or path.name in said, (data[:200], said)
    assert refused


@pytest.mark.parametrize("seed", range(tries(10)))
def test_commands_end_with_a_message(tmp_path: Path, seed: int) -> None:
    """A run, a compaction and an erasure beside a spoiled record of the master dataset: 0, or 1 with a message."""
    place = Place(tmp_path)
    place.watch(1, "u1", "u2")
    place.run()
    chance = random.Random(seed)
    path = chance.choice([path for path in records(place.master) if path.parent.name != "master"])
    path.write_bytes(rubbish(path, chance))
    for unused in ("tokens.json", "access.toml"):
        (place.master / unused).unlink()
    for command in ("run MASTER OUT --job video", "compact MASTER", "erase u1 MASTER OUT", "quarantine MASTER"):
        code, text = said(tmp_path, command)
        assert code in {0, 1}, (command, path.name, text)
        assert code == 0 or text.strip()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"learnfold_runs{batch_job=", b"\n\n# HELP x\n}{"])
def test_rubbish_in_the_file_of_metrics_fails_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """It is replaced by what is right."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    file = tmp_path / "learnfold.prom"
    file.write_bytes(content)
    monkeypatch.setenv("LEARNFOLD_METRICS_FILE", str(file))
    code, text = said(tmp_path, "run MASTER OUT --job video")
    assert code == 0, text
    assert "learnfold_last_run_succeeded" in file.read_text()


def test_a_file_that_holds_no_token_is_said(tmp_path: Path) -> None:
    """Bytes that no header can carry aren't sent."""
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfe\0\n\n x")
    code, text = said(tmp_path, f"show video_popularity http://127.0.0.1:1 --token-file {file}")
    assert code == 2
    assert "holds no token" in text
