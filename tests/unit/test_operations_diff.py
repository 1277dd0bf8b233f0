"""What differs between two batches, row by row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_place import Place, data, learnfold

from learnfold.batch.history import find_batch
from learnfold.engines.duckdb.difference import RowDifference, compare
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.errors import DataError, UsageError
from learnfold.operate.difference import BatchDifference, difference
from learnfold.settings import Settings


def compared(
    tmp_path: Path, key: tuple[str, ...], before: pa.Table, after: pa.Table, examples: int = 3
) -> RowDifference:
    """How two tables differ."""
    for name, table in (("before", before), ("after", after)):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    with DuckDBSession(Settings()) as session:
        return compare(session, key, [str(tmp_path / "before.parquet")], [str(tmp_path / "after.parquet")], examples)


def counts(found: RowDifference) -> tuple[int, int, int]:
    """Rows added, removed, changed."""
    return found.added, found.removed, found.changed


def test_rows_are_matched_by_key_and_null_is_a_key(tmp_path: Path) -> None:
    """A row whose key is NULL is the same row on both sides; what is new, gone and changed is told apart."""
    before = pa.table({"k": [None, "a", "b", "c"], "n": [1, 2, 3, 4]})
    after = pa.table({"k": [None, "a", "b", "d"], "n": [1, 2, 30, 5]})
    found = compared(tmp_path, ("k",), before, after)
    assert counts(found) == (1, 1, 1)
    assert found.changed_columns == {"n": 1}
    assert [(change.what, change.key, change.columns) for change in found.examples] == [
        ("added", {"k": "d"}, {"n": (None, 5)}),
        ("removed", {"k": "c"}, {"n": (4, None)}),
        ("changed", {"k": "b"}, {"n": (3, 30)}),
    ]


def test_a_value_that_became_null_is_a_change(tmp_path: Path) -> None:
    """Either way round, and NULL on both sides is none."""
    before = pa.table({"k": ["a", "b", "c"], "x": [1.0, None, None]})
    after = pa.table({"k": ["a", "b", "c"], "x": [None, 1.0, None]})
    assert counts(compared(tmp_path, ("k",), before, after)) == (0, 0, 2)


@pytest.mark.parametrize(
    ("one", "other", "changed"),
    [
        (1.0, 1.0 + 1e-10, 0),
        (1e12, 1e12 + 1, 0),
        (1.0, 1.0 + 1e-8, 1),
        (0.0, 1e-12, 1),
        (float("nan"), float("nan"), 0),
        (float("inf"), float("inf"), 0),
        (float("inf"), float("-inf"), 1),
        (1.0, float("inf"), 1),
        (float("nan"), 1.0, 1),
        (-2.0, 2.0, 1),
    ],
)
def test_doubles_are_compared_to_a_billionth(tmp_path: Path, one: float, other: float, changed: int) -> None:
    """Relative to the larger; a NaN is itself."""
    before, after = (pa.table({"k": ["a"], "x": [value]}) for value in (one, other))
    assert compared(tmp_path, ("k",), before, after).changed == changed


def test_whole_numbers_are_compared_exactly(tmp_path: Path) -> None:
    """A count that is off by one in a billion billions is wrong."""
    before, after = (pa.table({"k": ["a"], "n": [value]}) for value in (10**18, 10**18 + 1))
    assert compared(tmp_path, ("k",), before, after).changed == 1


def test_a_key_that_is_there_twice_is_seen(tmp_path: Path) -> None:
    """Where files were tampered with, a copy of a row is one row too many."""
    before = pa.table({"k": ["a"], "n": [1]})
    after = pa.table({"k": ["a", "a"], "n": [1, 1]})
    assert counts(compared(tmp_path, ("k",), before, after)) == (1, 0, 0)
    assert counts(compared(tmp_path, ("k",), after, before)) == (0, 1, 0)


def test_columns_that_came_or_went_are_named(tmp_path: Path) -> None:
    """A definition may have changed between two batches; without its key rows are told apart whole."""
    before = pa.table({"k": ["a"], "n": [1], "old": [1]})
    after = pa.table({"k": ["a"], "n": [2], "new": [1]})
    found = compared(tmp_path, ("k",), before, after)
    assert (found.columns_only_before, found.columns_only_after, found.changed) == (["old"], ["new"], 1)
    assert not found.same
    whole = compared(tmp_path, ("gone",), before, after)
    assert counts(whole) == (1, 1, 0)
    nothing = compared(tmp_path, ("k",), pa.table({"x": [1]}), pa.table({"y": [1, 2]}))
    assert counts(nothing) == (2, 1, 0)


def test_examples_are_as_many_as_asked_for(tmp_path: Path) -> None:
    """A few of each kind, by key; none if none are wanted."""
    before = pa.table({"k": [], "n": []}, schema=pa.schema([("k", pa.int64()), ("n", pa.int64())]))
    after = pa.table({"k": list(range(100)), "n": [1] * 100})
    assert [change.key["k"] for change in compared(tmp_path, ("k",), before, after, 2).examples] == [0, 1]
    assert compared(tmp_path, ("k",), before, after, 0).examples == []


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    """Not a traceback of the engine's."""
    for name in ("before", "after"):
        (tmp_path / f"{name}.parquet").write_bytes(b"no parquet")
    with DuckDBSession(Settings()) as session, pytest.raises(DataError, match=r"before\.parquet can't be read"):
        compare(session, (), [str(tmp_path / "before.parquet")], [str(tmp_path / "after.parquet")])


def test_strange_names_and_texts_are_no_trouble(tmp_path: Path) -> None:
    """Quotes in columns and values stay what they are."""
    before, after = (pa.table({"a \"b'": ["it's"], "n": [n]}) for n in (1, 2))
    assert compared(tmp_path, ("a \"b'",), before, after).changed == 1


def differing(place: Place, views: list[str] | None = None) -> BatchDifference:
    """The last two batches compared."""
    storage = place.storage
    before, after = find_batch(storage, "previous"), find_batch(storage, "current")
    return difference(place.workspace(), before, after, views)


def test_views_whose_digests_are_equal_are_not_read(tmp_path: Path) -> None:
    """Two full runs of the same events wrote different files; their digests tell that nothing changed, even when they are gone."""
    from learnfold.batch.request import Scope

    place = Place(tmp_path)
    place.watch(1, "u1")
    first = place.run().manifest
    place.run(scope=Scope(full=True))
    for record in first.views.values():
        (place.out / record.paths[0]).unlink()
    found = differing(place)
    assert found.same
    assert not any(view.compared for view in found.views)


def test_a_job_that_only_one_batch_holds_is_said(tmp_path: Path) -> None:
    """All rows of its views came, from nowhere."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run("video")
    place.run("auth")
    found = {view.view: view for view in differing(place).views}
    assert found["auth_daily_active_users"].only_in == place.current().batch
    assert found["video_popularity"].only_in is None
    with pytest.raises(UsageError, match="its job was not run"):
        differing(place, ["course_activity_summary"])


def test_the_command_shows_rows_that_came_and_changed(tmp_path: Path) -> None:
    """A new viewer: a row more, and a row of the video's changed; only the views that are asked for; exit 0."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run()
    place.watch(2, "u2")
    place.run()
    result = learnfold("diff", place.out)
    assert result.returncode == 0, result.stderr
    assert "video_total_watch_time: added user_id=u2, video_id=v, course_id=c" in result.stdout
    assert "video_popularity: changed unique_viewers in 1 rows" in result.stdout
    assert "unique_viewers 1 -> 2" in result.stdout
    told = data("diff", place.out, "previous", "current", "--view", "video_popularity")
    assert [(view["view"], view["changed"]) for view in told["views"]] == [("video_popularity", 1)]
    assert not told["same"]
    same = learnfold("diff", place.out, "current", "current")
    assert "hold the same rows in all 9 views" in same.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nope", "current"), 1, "there is no batch 'nope'"),
        (("previous", "current"), 1, "no batch before"),
        (("current", "current", "--view", "video_popularty"), 2, "did you mean video_popularity"),
        (("current", "current", "--examples", "-1"), 2, "at least 0"),
    ],
)
def test_wrong_uses_are_refused_in_plain_words(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """A batch that isn't there, a view that isn't one."""
    place = Place(tmp_path)
    place.watch(1, "u1")
    place.run()
    result = learnfold("diff", place.out, *words)
    assert (result.returncode, result.stdout) == (code, "")
    assert said in result.stderr
