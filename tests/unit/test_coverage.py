"""Which views and columns some events fill: what is said beforehand is what a run makes of them, and what is missing has a name."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from contract import VIEWS
from hypothesis import given, note, settings
from hypothesis import strategies as st

from conftest import tries
from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.catalog.coverage import Told, coverage_of
from learnfold.catalog.presence import counted
from learnfold.cli import main
from learnfold.operate.coverage import coverage
from learnfold.settings import Settings

CATALOG = catalog.load()


@pytest.fixture(scope="module")
def semester(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up semester."""
    folder = tmp_path_factory.mktemp("coverage") / "master"
    assert main(["generate", str(folder), "--events", "4000", "--days", "6"]) == 0
    return folder


def without(semester: Path, into: Path, types: set[str], fields: set[str]) -> None:
    """The semester without events of some types, and without some fields of the others."""
    for topic in CATALOG.topics:
        there = (semester / f"topic={topic}").rglob("*.parquet")
        target = into / f"topic={topic}/all.parquet"
        target.parent.mkdir(parents=True)
        listed = ", ".join(f"'{file}'" for file in there)
        left_out = [name for name in counted(CATALOG.topics[topic]) if f"{topic}.{name}" in fields]
        source = f"read_parquet([{listed}], union_by_name=true, hive_partitioning=false)"
        names = {name for name, *_ in duckdb.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        gone = ", ".join(f"NULL AS {name}" for name in left_out if name in names)
        replaced = f"* REPLACE ({gone})" if gone else "*"
        chosen = ", ".join(f"'{kind}'" for kind in types) or "''"
        duckdb.sql(f"COPY (SELECT {replaced} FROM {source} WHERE event_type NOT IN ({chosen})) TO '{target}'")


def holds_nothing(out: Path, view: str) -> tuple[bool, set[str]]:
    """Whether a view has no rows, and its columns that hold nothing but NULL and 0."""
    source = f"read_parquet('{out}/{view}/*.parquet')"
    columns = CATALOG.views[view].columns
    said = ", ".join(
        f"count(nullif({c.name}, 0))" if c.type in {"BIGINT", "INTEGER", "DOUBLE"} and not c.key else f"count({c.name})"
        for c in columns
    )
    ((rows, *held),) = duckdb.sql(f"SELECT count(*), {said} FROM {source}").fetchall()
    return rows == 0, {c.name for c, count in zip(columns, held, strict=True) if not count}


TYPES = sorted(
    {
        "LOGIN",
        "LOGOUT",
        "SIGNUP",
        "SUBMIT_ASSIGNMENT",
        "VIEW_ASSIGNMENT_FIRST_TIME",
        "QUIZ_COMPLETED",
        "GRADE_ASSIGNMENT",
    }
    | {
        "VIEW_STUDENT_WORK",
        "VIDEO_WATCHED",
        "COURSE_ENROLLED",
        "ACCESS_COURSE_MATERIAL",
        "ITEM_CLICK",
        "DOWNLOAD_MATERIAL",
    }
    | {"UPDATE_PROFILE", "CHANGE_AVATAR", "NOTIFICATION_SENT", "NOTIFICATION_CLICKED", "POST_CREATED"}
)
FIELDS = sorted(
    f"{name}.{field}"
    for name, topic in CATALOG.topics.items()
    for field in counted(topic)
    if field not in {"role", "event_id"}
)


@pytest.mark.slow
@settings(max_examples=tries(3))
@given(
    st.sets(st.sampled_from(TYPES), max_size=6) | st.just(set()),
    st.sets(st.sampled_from(FIELDS), max_size=8) | st.just(set(FIELDS)),
)
def test_what_is_called_empty_is_empty_in_a_run(semester: Path, types: set[str], fields: set[str]) -> None:
    """Whatever types of events and fields are missing: the contract's views and columns that a run leaves empty are those that were named."""
    note(f"without {sorted(types)} {sorted(fields)}")
    with TemporaryDirectory() as folder:
        master, out = Path(folder) / "master", Path(folder) / "out"
        without(semester, master, types, fields)
        told = {one.view: one for one in coverage(str(master), CATALOG, Settings())}
        run(RunRequest(str(master), str(out)), CATALOG, Settings())
        for name in VIEWS:
            bare, columns = holds_nothing(out, name)
            assert (name, bare) == (name, told[name].state == "empty")
            if not bare:
                empty = {column for column, share in told[name].columns.items() if share.state == "empty"}
                assert (name, columns) == (name, empty)


@pytest.mark.slow
def test_what_is_missing_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Viewings without a course of which half say how long they took: their view is there in part, all others empty, each with its reason."""
    events = [
        {
            "event_id": f"e{n}",
            "event_type": "VIDEO_WATCHED",
            "user_id": "u",
            "video_id": "v",
            "timestamp": "2026-03-02T10:00:00Z",
        }
        | ({"watch_duration_seconds": 10} if n % 2 else {})
        for n in range(10)
    ]
    (tmp_path / "video_topic.jsonl").write_text("\n".join(map(json.dumps, events)))
    assert main(["coverage", "--sample", str(tmp_path / "video_topic.jsonl"), "--json"]) == 0
    views = {one["view"]: one for one in json.loads(capsys.readouterr().out)["views"]}
    assert {name for name in VIEWS if views[name]["state"] == "partly"} == {
        name for name in VIEWS if [t.name for t in CATALOG.view(name).topics] == ["video_topic"]
    }
    popular = {one["column"]: (one["state"], one["share"]) for one in views["video_popularity"]["columns"]}
    assert popular["total_view_events"] == ("full", 1.0)
    assert popular["course_id"] == ("empty", 0.0)
    assert popular["total_views_seconds"] == ("partly", 0.5)
    assert views["course_enrollment_stats"] | {"columns": []} == {
        "view": "course_enrollment_stats",
        "state": "empty",
        "missing": ["COURSE_ENROLLED in course_topic"],
        "columns": [],
    }
    assert main(["coverage", "--sample", str(tmp_path / "video_topic.jsonl"), "--view", "video_popularity"]) == 0
    shown = capsys.readouterr().out
    assert "course_id of VIDEO_WATCHED in video_topic" in shown
    assert "0 full, 1 partly, 0 empty" in shown


def test_one_field_or_another_is_enough_for_each_type() -> None:
    """Material that is opened says material_id and what is clicked item_id: together every event says what it was."""
    told = {
        "course_topic": {
            "ACCESS_COURSE_MATERIAL": Told(3, {"material_id": 3, "course_id": 3}),
            "ITEM_CLICK": Told(1, {"item_id": 1, "course_id": 1}),
        }
    }
    found = coverage_of(CATALOG.view("course_material_access"), told)
    assert found.state == "full"
    told["course_topic"]["ITEM_CLICK"] = Told(1, {"course_id": 1})
    share = coverage_of(CATALOG.view("course_material_access"), told).columns["unique_materials_accessed"]
    assert share.of == 0.75
    assert "item_id of ITEM_CLICK in course_topic" in share.missing


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ((), 2, "name a master dataset, or files by --sample"),
        (("{master}", "--from", "xapi"), 2, "--from says what a --sample holds"),
        (("--sample", "{page}", "--from", "xapi"), 1, "no event is in the sample"),
        (("{master}", "--view", "video_popularty"), 2, "did you mean video_popularity"),
    ],
)
def test_a_wrong_use_says_what_to_mend(
    words: tuple[str, ...], code: int, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and no table."""
    page = tmp_path / "page.jsonl"
    page.write_text('{"verb": 1}\n')
    assert main(["coverage", *(word.format(master=tmp_path, page=page) for word in words)]) == code
    shown = capsys.readouterr()
    assert why in shown.err
    assert shown.out == ""
