"""What a run keeps beside its views, for what comes later: states, hashes of tuples, hashes of ids."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from array import array
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_place import Place

from learnfold import catalog
from learnfold.batch.clean import clean
from learnfold.batch.manifest import read_current
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.catalog.hashes import hash_of, hash_sql
from learnfold.cli import main
from learnfold.engines.duckdb import DuckDBEngine
from learnfold.operate.rollback import rollback
from learnfold.operate.verify import verify
from learnfold.privacy.erase import erase
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage

if TYPE_CHECKING:
    from learnfold.batch.manifest import JobRecord
    from learnfold.catalog.plans import State, TupleSet
    from learnfold.engines import OutputFile, RefreshRequest

ON = Settings(states=True)
VIEWS = catalog.load().views

VALUES = {
    "VARCHAR": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "DATE": st.dates(dt.date(1970, 1, 1), dt.date(2200, 1, 1)),
    "TIMESTAMP": st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2200, 1, 1)),  # noqa: DTZ001 - as the engine has them
}


@given(values=st.lists(st.sampled_from(sorted(VALUES)).flatmap(lambda k: st.tuples(st.just(k), st.none() | VALUES[k]))))
def test_a_hash_is_the_same_from_sql_and_from_python(values: list[tuple[str, object]]) -> None:
    """Of texts in any script, whole numbers, dates, times and NULL."""
    if values:
        columns = hash_sql([(f"CAST($c{place} AS {kind})", kind) for place, (kind, _) in enumerate(values)])
        given_values = {f"c{place}": value for place, (_, value) in enumerate(values)}
        ((found,),) = duckdb.execute(f"SELECT {columns}", given_values).fetchall()
        assert hash_of(*(value for _, value in values)) == found


def test_a_hash_never_changes() -> None:
    """Files outlive the learnfold that wrote them; another language can work it out from the words of the decision."""
    assert hash_of("S1", None, dt.date(2026, 1, 2)) == 0x1C6ED4CBFBE0D714  # printf 2:S1:10:2026-01-02 | md5sum
    assert hash_of() == 0xD41D8CD98F00B204


@pytest.mark.parametrize(
    ("one", "other"), [(("ab", "c"), ("a", "bc")), (("", None), (None, "")), (("1:a",), ("1", "a")), ((None,), ("",))]
)
def test_different_tuples_are_hashed_from_different_texts(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    """A value ends where its length says."""
    assert hash_of(*one) != hash_of(*other)


def hashes(file: Path) -> list[int]:
    """What a file of hashes holds."""
    found = array("Q")
    found.frombytes(file.read_bytes())
    return list(found)


def days_ids(place: Place, topic: str) -> dict[dt.date, list[int]]:
    """The hashes of the ids of each day."""
    record = place.current().jobs["video"].topics[topic]
    return {
        day: hashes(place.out / file.path)[first : first + count]
        for file in record.ids
        for day, (first, count) in file.days.items()
    }


def ids_in_master(place: Place) -> dict[dt.date, list[int]]:
    """The same worked out from the events themselves."""
    found: dict[dt.date, set[int]] = {}
    for file in place.master.rglob("*.parquet"):
        for row in pq.read_table(file).to_pylist():
            day = dt.date.fromisoformat(row["timestamp"][:10])
            found.setdefault(day, set()).add(hash_of(row["event_id"], row["user_id"], row["event_type"]))
    return {day: sorted(some) for day, some in found.items()}


def tuples_in_master(place: Place, *columns: str) -> list[int]:
    """The hashes of the different tuples of these fields."""
    rows = [row for file in place.master.rglob("*.parquet") for row in pq.read_table(file).to_pylist()]
    return sorted({hash_of(*(row[name] for name in columns)) for row in rows})


def paths(job: JobRecord) -> dict[str, str]:
    """Where each state and set is."""
    return {name: kept.path for name, kept in job.kept.items()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Three days of a video that people watch, two of them at a time."""
    made = Place(tmp_path)
    made.watch(1, "ann", "bob")
    made.watch(2, "bob", "cid")
    made.watch(3, "ann", "cid")
    return made


def test_tuples_and_ids_are_kept_as_hashes(place: Place) -> None:
    """Sorted, each once, and those of a day together: worked out here from the events alone."""
    place.add("video_topic", pq.read_table(next(place.master.rglob("*.parquet"))), "year=2025/month=12/day=01")
    place.run(settings=ON)
    job = place.current().jobs["video"]
    found = {one.name: one for view in VIEWS.values() for one in view.plan.sets}
    pairs = next(name for name, one in found.items() if one.columns == ("course_id", "video_id") and name in job.sets)
    assert tuples_in_master(place, "course_id", "video_id") == hashes(place.out / job.sets[pairs].path)
    assert ids_in_master(place) == days_ids(place, "video_topic")
    assert all(kept.rows == len(hashes(place.out / kept.path)) for kept in job.sets.values())


def test_only_what_changed_is_written_anew(place: Place) -> None:
    """A new day leaves the other days' ids where they are; a run of nothing new, and a day of an empty topic, change no state.

    Nobody tells a running total, so that no day has rows of ``video_visits``: what is kept of that alone stays too.
    """
    place.run(settings=ON)
    first = place.current().jobs["video"]
    place.watch(4, "ann")
    place.run(settings=ON)
    second = place.current().jobs["video"]
    assert ids_in_master(place) == days_ids(place, "video_topic")
    (old, new) = second.topics["video_topic"].ids
    assert old.path == first.topics["video_topic"].ids[0].path
    assert list(new.days) == [dt.date(2025, 12, 4)]
    place.run(settings=ON)
    assert paths(place.current().jobs["video"]) == paths(second)
    place.watch(5, "ann", video_id="other")
    place.run(settings=ON)
    third = place.current().jobs["video"]
    stayed = [name for name, path in paths(third).items() if path in paths(second).values()]
    assert {rollup for name in stayed for rollup in third.kept[name].read} == {"video_visits"}
    assert len(stayed) < len(third.kept)


@pytest.fixture
def merged(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The sets that a run merges with what there was, from now on."""
    found: set[str] = set()
    made = DuckDBEngine.keep

    def keep(engine: DuckDBEngine, request: RefreshRequest, what: State | TupleSet) -> OutputFile:
        if request.before:
            found.add(what.name)
        return made(engine, request, what)

    monkeypatch.setattr(DuckDBEngine, "keep", keep)
    return found


def test_new_days_are_merged_and_changed_days_made_whole(place: Place, merged: set[str], tmp_path: Path) -> None:
    """Of a day that comes the tuples are added to the sets; a day that changes, or that is gone, makes whole what is made of it.

    And so is what merging would be more work for: days that hold most of the rows.
    """
    for day in range(4, 12):
        place.watch(day, "ann", "bob")
    place.run(settings=ON)
    late = place.watch(12, "ann", "eve")
    place.run(settings=ON)
    job = place.current().jobs["video"]
    assert merged == {name for name, kept in job.sets.items() if set(kept.read) != {"video_visits"}}
    assert right(place, tmp_path / "after a day")
    merged.clear()
    place.watch(2, "fay")
    place.run(settings=ON)
    late.unlink()
    place.run(settings=ON, allow_shrink=True)
    for day in range(13, 20):
        place.watch(day, "ann", "bob")
    place.run(settings=ON)
    assert merged == set()
    assert right(place, tmp_path / "after all")


def test_a_run_after_a_rollback_merges_with_the_batch_that_is_published(
    place: Place, merged: set[str], tmp_path: Path
) -> None:
    """Not with the newest: that one's day would be counted twice."""
    for day in range(4, 12):
        place.watch(day, "ann", "bob")
    place.run(settings=ON)
    place.watch(12, "ann", "eve")
    place.run(settings=ON)
    rollback(place.workspace(ON), "previous")
    merged.clear()
    place.watch(13, "ann", "fay")
    place.run(settings=ON)
    assert merged
    assert right(place, tmp_path / "whole")


def test_nothing_is_merged_with_a_damaged_file(place: Place, tmp_path: Path) -> None:
    """One whose bytes aren't what was written is made again from the events, as a lost one is."""
    for day in range(4, 12):
        place.watch(day, "ann", "bob")
    place.run(settings=ON)
    job = place.current().jobs["video"]
    for kept in (some for some in job.sets.values() if some.rows):
        file = place.out / kept.path
        file.write_bytes(bytes(byte ^ 1 for byte in file.read_bytes()))
    place.watch(12, "ann", "eve")
    place.run(settings=ON)
    assert right(place, tmp_path / "whole")


def test_days_of_all_jobs_are_merged(merged: set[str], tmp_path: Path) -> None:
    """Those that read what other jobs folded too: after two days, one by one, all is what one run makes whole."""
    made, place = tmp_path / "made", Place(tmp_path)
    assert main(["generate", str(made), "--events", "3000", "--days", "12"]) == 0
    days = sorted({file.parent.name: file.parent for file in made.rglob("*.parquet")}.items())
    jobs = tuple(catalog.load().jobs)
    for some in (days[:-2], days[-2:-1], days[-1:]):
        for _, day in some:
            for file in made.rglob(f"{day.parent.name}/{day.name}/*.parquet"):
                target = place.master / file.relative_to(made)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
        place.run(*jobs, settings=ON)
    assert merged
    assert right(place, tmp_path / "whole", *jobs)


def rows(file: Path) -> tuple[list[object], ...]:
    """The names, types and rows of a Parquet file."""
    table = pq.read_table(file)
    return table.column_names, table.schema.types, table.to_pylist()


def right(place: Place, whole: Path, *jobs: str) -> bool:
    """Whether states and sets are what a run of all there is now makes: their rows in order, and bytes."""
    run(RunRequest(str(place.master), str(whole), jobs or ("video",)), catalog.load(), ON)
    made, _ = read_current(FolderStorage(str(whole)))
    assert made is not None
    for name in jobs or ("video",):
        held, expected = place.current().jobs[name], made.jobs[name]
        assert held.kept.keys() == expected.kept.keys()
        for tuples, kept in expected.sets.items():
            assert (whole / kept.path).read_bytes() == (place.out / held.sets[tuples].path).read_bytes(), tuples
            assert held.sets[tuples].rows == kept.rows
        for state, kept in expected.states.items():
            assert rows(whole / kept.path) == rows(place.out / held.states[state].path), state
    return True


def test_a_late_event_folds_its_day_again_and_its_ids(place: Place) -> None:
    """The day's old ids are no longer answered from."""
    place.run(settings=ON)
    place.watch(2, "dan")
    place.run(settings=ON)
    assert ids_in_master(place) == days_ids(place, "video_topic")
    first, _ = place.current().jobs["video"].topics["video_topic"].ids
    assert dt.date(2025, 12, 2) not in first.days


def test_what_is_kept_is_cleaned_rolled_back_and_made_again_with_its_batch(place: Place) -> None:
    """Cleaning leaves what the published batch needs, whichever batch made it; a lost file is made again."""
    place.run(settings=ON)
    place.watch(4, "ann")
    place.run(settings=ON)
    rollback(place.workspace(ON), "previous")
    clean(place.workspace(replace(ON, keep_batches=1, grace_minutes=0)))
    current = place.current()
    assert all((place.out / path).exists() for path in current.files())
    assert current.jobs["video"].states
    kept = next(iter(current.jobs["video"].states.values()))
    (place.out / kept.path).unlink()
    place.watch(5, "ann")
    place.run(settings=ON)
    assert all((place.out / path).exists() for path in place.current().files())
    assert paths(place.current().jobs["video"]).keys() == paths(current.jobs["video"]).keys()


def test_nothing_is_kept_unless_it_is_asked_for(place: Place) -> None:
    """And what was kept isn't carried on by a run that keeps nothing, since it would no longer be right."""
    place.run(settings=ON)
    place.watch(4, "ann")
    place.run()
    job = place.current().jobs["video"]
    assert (job.kept, job.topics["video_topic"].ids) == ({}, [])
    assert b'"states":{' not in (place.out / "_batches" / place.current().batch / "manifest.json").read_bytes()


def test_verify_finds_a_wrong_state_set_or_id(place: Place) -> None:
    """They are worked out again as the views are."""
    place.run(settings=ON)
    assert verify(place.workspace(), str(place.master)).right
    job = place.current().jobs["video"]
    state, tuples = next(iter(job.states.items())), next(iter(job.sets.items()))
    table = pq.read_table(place.out / state[1].path)
    pq.write_table(table.slice(1), place.out / state[1].path)
    (place.out / tuples[1].path).write_bytes(b"\0" * 8)
    (place.out / job.topics["video_topic"].ids[0].path).unlink()
    wrong = verify(place.workspace(), str(place.master)).facts
    assert [fact.split("'")[0] for fact in wrong[:2]] == [f"the state {state[0]} isn", f"the set {tuples[0]} isn"]
    assert [fact.split(":")[0] for fact in wrong[2:]] == [f"video_topic 2025-12-0{day}" for day in (1, 2, 3)]


def test_an_erased_person_is_in_no_hash(place: Place) -> None:
    """Neither in sets nor in ids, nor in the part of a file that was for days folded again since, nor in what a killed run left."""
    place.run(settings=ON)
    stray = place.out / "_batches" / "20250101T000000-00000000" / "_sets" / "x.u64"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"\0" * 8)
    before = ids_in_master(place)
    theirs = {hash_of("c", "ann")} | {hash_of(f"{file}-0", "ann", "VIDEO_WATCHED") for file in (0, 2)}
    assert theirs & {one for some in before.values() for one in some}
    erase(place.workspace(ON), "ann", str(place.master), dry_run=False)
    assert not stray.exists()
    left = [hashes(file) for file in place.out.rglob("*.u64")]
    assert left
    assert not theirs & {one for some in left for one in some}
    assert ids_in_master(place) == days_ids(place, "video_topic")
    assert verify(place.workspace(), str(place.master)).right


def test_the_setting_is_read_from_the_environment(place: Place) -> None:
    """LEARNFOLD_STATES=on is all it takes."""
    command = [sys.executable, "-m", "learnfold", "run", str(place.master), str(place.out), "--job", "video"]
    subprocess.run(command, env={"LEARNFOLD_STATES": "on", "PATH": ""}, check=True, capture_output=True)
    assert place.current().jobs["video"].sets
