"""Parquet files of others: their columns may be called anything, fields may be in the path, and a table's files aren't its content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rotten
from ingested import quarantine, rows, visible
from test_ingest_grown import event, take

from learnfold.errors import DataError, LearnfoldError
from learnfold.ingest.files import texts
from learnfold.master.layout import open_master
from learnfold.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

FOREIGN = (
    "file_row_number",
    "file_index",
    "_place",
    "_topic",
    "_PLACE",
    "_row",
    "_file",
    "filename",
    "raw user_id",
    'a "b"',
    "_json",
    "topic_",
)


def test_columns_may_be_called_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns with names of ours or of an engine are unknown fields, nothing else: every event is there, and each keeps them."""
    monkeypatch.setattr(texts, "PART_ROWS", 4)
    table = [event(n) | {name: f"{name} {n}" for name in FOREIGN} for n in range(10)]
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "x.parquet")
    take(tmp_path / "master", tmp_path / "x.parquet")
    found = {row["user_id"]: json.loads(row["extra_fields"]) for row in rows(visible(tmp_path / "master"))}
    assert found == {f"u{n}": {name: f"{name} {n}" for name in FOREIGN} for n in range(10)}


def test_a_field_that_is_in_the_path_is_a_field(tmp_path: Path) -> None:
    """What the folders of a file's name say of it counts where the file doesn't say it itself; an engine's word for none is none."""
    folders = {
        "course_id=c%201": "c 1",
        "course_id=__HIVE_DEFAULT_PARTITION__": None,
        "other=1/course_id=c2/role=student": "c2",
    }
    for number, folder in enumerate(folders):
        (tmp_path / "lake" / folder).mkdir(parents=True)
        pq.write_table(
            pa.Table.from_pylist([event(number) | {"role": "teacher"}]), tmp_path / "lake" / folder / "x.parquet"
        )
    take(tmp_path / "master", tmp_path / "lake")
    found = {(row["user_id"], row["course_id"], row["role"]) for row in rows(visible(tmp_path / "master"))}
    assert found == {(f"u{number}", course, "teacher") for number, course in enumerate(folders.values())}


@pytest.mark.parametrize("kind", [None, pa.map_(pa.string(), pa.string())])
def test_an_envelope_whose_value_has_members_is_its_json(tmp_path: Path, kind: pa.DataType | None) -> None:
    """A struct or a map as ``value`` is the event that it would be as JSON."""
    values = [{name: str(value) for name, value in event(n).items()} for n in range(3)]
    column = pa.array(values) if kind is None else pa.array([list(one.items()) for one in values], kind)
    pq.write_table(pa.table({"value": column, "offset": [1, 2, 3]}), tmp_path / "x.parquet")
    (report,) = take(tmp_path / "master", tmp_path / "x.parquet")
    assert report.events == {"video_topic": 3}
    assert {row["watch_duration_seconds"] for row in rows(visible(tmp_path / "master"))} == {120}


TABLES = {
    "_delta_log/00000000000000000000.json": "Delta",
    "metadata/v1.metadata.json": "Iceberg",
    ".hoodie/hoodie.properties": "Hudi",
}


@pytest.mark.parametrize("path", TABLES)
def test_a_table_is_refused_by_its_name(tmp_path: Path, path: str) -> None:
    """The files of a table of Delta, Iceberg or Hudi hold what was deleted from it, too: neither ingestion nor a run takes them."""
    topic = tmp_path / "lake" / "topic=video_topic"
    (topic / path).parent.mkdir(parents=True)
    (topic / path).write_text("{}")
    pq.write_table(pa.Table.from_pylist([event(1)]), topic / "x.parquet")
    with pytest.raises(LearnfoldError, match=TABLES[path]):
        take(tmp_path / "master", tmp_path / "lake")
    with pytest.raises(DataError, match=TABLES[path]):
        open_master(str(tmp_path / "lake"), Settings()).listing(["video_topic"], ["video_topic"])


def test_a_value_that_is_none_costs_its_row_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each file that holds a value no reader understands all other rows are in, with what no field is for; that row is kept whole."""
    monkeypatch.setattr(texts, "PART_ROWS", 2)
    files, base = [], [event(n) for n in range(3)]
    for kind, column in rotten.TEXTS.items():
        for field in ("video_id", "note"):
            files.append(tmp_path / f"{kind}-{field}.parquet")
            table = pa.Table.from_pylist(
                [{"event_category": "VIDEO", "say": "é", "user_id": f"{kind} {field} {n}"} for n in range(3)]
            )
            for name in ("event_type", "timestamp", "watch_duration_seconds"):
                table = table.append_column(name, pa.array([one[name] for one in base]))
            pq.write_table(table.append_column(field, column), files[-1])
    files.append(tmp_path / "lists.parquet")
    lists = [[b"a"], ["é".encode()], [b"b", rotten.NOT_UTF8]]
    profile = {
        "event_type": ["UPDATE_PROFILE"] * 3,
        "event_category": ["PROFILE"] * 3,
        "user_id": ["l 0", "l 1", "l 2"],
    }
    pq.write_table(
        pa.table(
            {
                **profile,
                "timestamp": rotten.TIMES["microseconds"].slice(0, 1).take([0, 0, 0]),
                "updated_fields": rotten.texts(*lists),
            }
        ),
        files[-1],
    )
    take(tmp_path / "master", *files, topic=None)
    found = rows(visible(tmp_path / "master"))
    wanted = {f"{kind} {field} {n}" for kind in rotten.TEXTS for field in ("video_id", "note") for n in range(3)}
    bad = {f"{kind} video_id 2" for kind in rotten.TEXTS}
    assert sorted(row["user_id"] for row in found) == sorted(wanted - bad | {"l 0", "l 1"})
    assert all(json.loads(row["extra_fields"])["say"] == "é" for row in found if row["user_id"] in wanted)
    assert {row["user_id"]: row["updated_fields"] for row in found if row["user_id"] == "l 1"} == {"l 1": ["é"]}
    kept = {json.loads(row["event"])["user_id"]: json.loads(row["event"]) for row in quarantine(tmp_path / "master")}
    assert kept.keys() == bad | {"l 2"}
    assert kept["text video_id 2"]["video_id"] == r"\xFFFE"
    assert kept["l 2"]["updated_fields"] == r'["b","\\xFFFE"]'
    assert (
        json.loads(next(row for row in found if row["user_id"] == "text note 2")["extra_fields"])["note"] == r"\xFFFE"
    )
