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
from learnfold.catalog.hashes import hash_of, hash_sql
from learnfold.operate.rollback import rollback
from learnfold.operate.verify import verify
from learnfold.privacy.erase import erase
from learnfold.settings import Settings

if TYPE_CHECKING:
    from learnfold.batch.manifest import JobRecord

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
        (found,) = duckdb.execute(f"SELECT {columns}", given_values).fetchone() or (None,)
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
