"""A changed subject: a new field has its earlier values, and what depends on the change is made again, nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from seen import showing

from learnfold import catalog
from learnfold.batch.manifest import Manifest
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.catalog import Catalog, View
from learnfold.catalog.jobs import COMMON, scripts
from learnfold.cli import main
from learnfold.generate import Semester, generate
from learnfold.settings import Settings

pytestmark = pytest.mark.slow

TOPIC = "video_topic"
FIELDS = {
    "chapter": "VARCHAR",
    "chapter_id": "VARCHAR",
    "chapter_type": "VARCHAR",
    "chapter_seconds": "INTEGER",
    "weight": "DOUBLE",
    "seen_at": "TIMESTAMP",
    "tags": "VARCHAR[]",
}
"""Fields that a topic gets later."""

SENT = [
    '"chapter": "c", "chapter_id": 1001.0, "chapter_type": 1e3, "chapter_seconds": 1.5, "weight": 1e3, "seen_at": 1765377000, "tags": ["a", 1]',
    '"chapter": 1001.0, "chapter_id": "1001.0", "chapter_seconds": "7", "weight": "0.5", "seen_at": "2025-12-10 14:30:00", "tags": "[\\"b\\"]"',
    '"chapter": " ", "chapter_id": "", "chapter_type": " ", "tags": null',
    '"chapter": {"of": "x"}, "chapter_id": 12345678901234567890, "chapter_seconds": true',
    '"chapter_id": false, "weight": -0.0, "seen_at": 1',
    '"chapter_id": -7e0, "chapter_type": 0.5, "chapter_seconds": 0, "tags": [["a", 1.0], {"b": null}]',
]


def with_fields(topic: str) -> Catalog:
    """The catalogue that shows every event of the topic, once it has these fields."""
    texts = scripts()
    block = next(block for text in texts.values() for block in text.split("\n\n") if f"CREATE TABLE {topic} (" in block)
    first = block.index("(\n") + 2
    lines = "".join(f"  {name} {kind},  -- of the chapter\n" for name, kind in FIELDS.items())
    block = block[:first] + lines + block[first:]
    names = [*(field.name for field in catalog.load().topic(topic).fields), *FIELDS]
    select = f"SELECT\n  {', '.join(names)},\n  {{}} AS times -- how often\nFROM {{}} GROUP BY ALL;\n"
    script = (
        f"-- Events.\n\n{block}\n\n-- Every event.\nCREATE TABLE seen AS {select.format('count(*)', topic)}\n"
        f"-- Every event.\nCREATE VIEW seen_events AS {select.format('sum(times)', 'seen')}"
    )
    return catalog.read({COMMON: texts[COMMON], "seen": script})


def shown(master: Path, out: Path, grown: Catalog) -> tuple[list[dict[str, object]], Manifest]:
    """The new fields of every event, by user, and the batch that holds them."""
    manifest = run(RunRequest(str(master), str(out)), grown, Settings()).manifest
    rows = pq.read_table(out / "seen_events" / "part-00000.parquet").to_pylist()
    wanted = ("user_id", *FIELDS)
    return sorted(({name: row[name] for name in wanted} for row in rows), key=lambda row: str(row["user_id"])), manifest


def test_new_fields_have_the_values_that_came_before_them(tmp_path: Path) -> None:
    """The same as of messages that are read as they came: of every type, and where they can't be read invalid."""
    common = '"event_type": "VIDEO_WATCHED", "timestamp": "2025-12-10 14:30:00", '
    texts = [f'{{{common}"user_id": "u{number}", {sent}}}' for number, sent in enumerate(SENT)]
    source = tmp_path / "events.jsonl"
    source.write_text("\n".join(texts), "utf-8")
    kept, plain = tmp_path / "kept", tmp_path / "plain"
    assert main(["ingest", str(source), "--into", str(kept), "--topic", TOPIC]) == 0
    (plain / f"topic={TOPIC}").mkdir(parents=True)
    pq.write_table(pa.table({"value": texts}), plain / f"topic={TOPIC}" / "x.parquet")
    run(RunRequest(str(kept), str(tmp_path / "out")), showing(TOPIC), Settings())
    found, manifest = shown(kept, tmp_path / "out", with_fields(TOPIC))
    wanted, as_sent = shown(plain, tmp_path / "plain_out", with_fields(TOPIC))
    assert found == wanted
    assert manifest.jobs["seen"].topics[TOPIC].quarantined == as_sent.jobs["seen"].topics[TOPIC].quarantined


@pytest.fixture(scope="module")
def semester(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """A place where all jobs ran, and what they published."""
    root = tmp_path_factory.mktemp("semester")
    generate(Semester(events=600, days=3), root / "master")
    return root, run(RunRequest(str(root / "master"), str(root / "out")), catalog.load(), Settings()).manifest


def rollup_files(manifest: Manifest) -> dict[str, set[str]]:
    """The files of every rollup."""
    topics = [topic for job in manifest.jobs.values() for topic in job.topics.values()]
    return {name: set(record.paths) for topic in topics for name, record in topic.rollups.items()}


def reads(view: View, rollup: str) -> bool:
    """Whether a view is made of the rollup, or of a view that is."""
    return any(one.name == rollup for one in view.rollups) or any(reads(below, rollup) for below in view.views)


@pytest.mark.parametrize(
    ("subject", "rollup", "instead"),
    [
        ("course", "enrollments", ("FROM 'teacher'", "FROM 'a teacher'")),
        ("auth", "auth_login_hours", ("= 'LOGIN'", "IN ('LOGIN')")),
    ],
)
def test_a_changed_rollup_is_folded_alone(
    semester: tuple[Path, Manifest], tmp_path: Path, subject: str, rollup: str, instead: tuple[str, str]
) -> None:
    """Of all days; the views that are made of it are made again, and no other."""
    root, first = semester
    shutil.copytree(root / "out", tmp_path / "out")
    texts = scripts()
    head, definition, rest = texts[subject].partition(f"CREATE TABLE {rollup} AS")
    texts[subject] = head + definition + rest.replace(*instead, 1)
    changed = catalog.read(texts)
    now = run(RunRequest(str(root / "master"), str(tmp_path / "out")), changed, Settings()).manifest
    files, was = rollup_files(now), rollup_files(first)
    assert {name for name in files if files[name] != was[name]} == {rollup}
    assert files[rollup].isdisjoint(was[rollup])
    wanted = {view.name for view in changed.views.values() if reads(view, rollup)}
    assert wanted
    assert {name for name, view in now.views.items() if view.batch == now.batch} == wanted
