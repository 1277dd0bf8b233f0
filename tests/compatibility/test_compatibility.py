"""What an earlier version left behind, the present one reads, continues, takes back, erases a person of and proves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compatibility.restored import ARCHIVES, ERASED, PREFIX, TOPICS, Restored, restore
from learnfold.batch.manifest import FORMAT
from learnfold.cli import main
from learnfold.master.committed_offsets import CommittedOffsets
from learnfold.storage.folder import FolderStorage

pytestmark = pytest.mark.slow

Json = Any
DEFINITION = "the topic's definition or the platform's zone changed"
"""Why a plan folds everything once: the contract of reading, or a subject, was changed since the archive was made."""


@pytest.fixture(scope="module", params=ARCHIVES, ids=lambda archive: archive.name.partition(".")[0])
def read_only(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Restored:
    """Each archive, for tests that change nothing."""
    return restore(request.param, tmp_path_factory.mktemp("archive"))


@pytest.fixture(params=ARCHIVES, ids=lambda archive: archive.name.partition(".")[0])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Restored:
    """Each archive, for one test."""
    return restore(request.param, tmp_path)


@pytest.fixture
def learnfold(capsys: pytest.CaptureFixture[str]) -> Callable[..., Json]:
    """A command that prints JSON: what it printed; it has to end well."""

    def run(*words: object) -> Json:
        capsys.readouterr()
        code = main([*map(str, words), "--json"])
        shown = capsys.readouterr()
        assert code == 0, shown.err
        return json.loads(shown.out)

    return run


@pytest.fixture
def views(learnfold: Callable[..., Json]) -> Callable[[Restored], dict[str, Json]]:
    """The rows of each view that the earlier version had, as the present one shows them."""

    def shown(made: Restored) -> dict[str, Json]:
        return {view: learnfold("show", view, made.out, "--limit", 100000) for view in made.said["views"]}

    return shown


def at_least(expected: Json, actual: Json) -> bool:
    """Whether everything that was said is said again, perhaps with more beside it."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            name in actual and at_least(value, actual[name]) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(actual, list) and len(expected) == len(actual) and all(map(at_least, expected, actual))
    return bool(expected == actual)


REUSED_IDS = 2
"""Viewings of the archive that have an id of another user's: the earlier version took them for copies, the contract no longer does."""


def same_but_reused_ids(said: dict[str, Json], now: dict[str, Json]) -> bool:
    """Whether all views show the same rows, perhaps with more columns, but for the viewings that count since an id is one user's."""
    viewings = [sum(row["total_view_events"] for row in views["video_popularity"]) for views in (said, now)]
    return viewings[1] - viewings[0] == REUSED_IDS and all(
        at_least(rows, now[name]) for name, rows in said.items() if not name.startswith("video_")
    )


def new_day(made: Restored) -> None:
    """A day more, of two topics."""
    for topic, event in (
        ("auth_topic", {"event_type": "LOGIN", "session_id": "s"}),
        ("video_topic", {"event_type": "VIDEO_WATCHED", "video_id": "V1", "watch_duration_seconds": "60"}),
    ):
        rows = [
            event | {"event_id": f"new{n}", "user_id": f"NEW{n % 3}", "timestamp": f"2025-11-20 {n:02d}:00:00"}
            for n in range(10)
        ]
        folder = made.master / f"topic={topic}" / "year=2025" / "month=11" / "day=20"
        folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), folder / "part-00000.parquet")


def holding(root: Path, text: str) -> list[str]:
    """The files below a folder whose content or name holds a text; Parquet by its rows."""
    found = []
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        content = str(pq.read_table(file).to_pylist()) if file.suffix == ".parquet" else file.read_text("utf-8")
        if text in content or text in file.name:
            found.append(file.relative_to(root).as_posix())
    return found


def test_an_archive_holds_every_kind_of_file(read_only: Restored) -> None:
    """Else the tests below would promise less than they say."""
    manifests = read_only.manifests
    (newest,) = list(manifests.values())[-1:]
    topics = [topic for job in newest["jobs"].values() for topic in job["topics"].values()]
    rollups = [rollup for topic in topics for rollup in topic["rollups"].values()]
    assert len(manifests) >= 4
    assert {manifest["action"] for manifest in manifests.values()} == {"run", "erase"}
    assert any(block["path"] for rollup in rollups for block in rollup["blocks"])
    assert any(topic["offsets"] for topic in topics)
    assert any(file["quarantined"] for topic in topics for file in topic["files"].values())
    assert sum(copies for topic in topics for _, copies in topic["days"].values()) > 0
    columns = [frozenset(pq.read_schema(file).names) for file in read_only.master.glob("topic=*/**/*.parquet")]
    assert any("value" in names and "user_id" not in names for names in columns), "no envelopes"
    assert any({"user_id", "kafka_offset"} <= names for names in columns)
    for pattern in ("_progress/topic=*/*.json", "_files/*.json", "_compacted/*.json", "_quarantine/topic=*/*.parquet"):
        assert list(read_only.master.glob(pattern)), pattern
    assert list(read_only.master.glob("topic=*/**/_SUCCESS"))
    assert list(read_only.out.glob("_erasures/*.json"))
    assert list(read_only.out.glob("_quarantine/topic=*/**/*.parquet"))


def test_every_view_shows_the_rows_that_it_showed(
    read_only: Restored, views: Callable[[Restored], dict[str, Json]]
) -> None:
    """Values and order, of all views that there were."""
    assert at_least(read_only.said["views"], views(read_only))
    assert len(read_only.said["views"]) == 37


def test_status_and_history_say_what_they_said(read_only: Restored, learnfold: Callable[..., Json]) -> None:
    """Every batch, what it did and holds; nothing is left over or unfinished."""
    said, now = read_only.said["status"], learnfold("status", read_only.out, "--last", 20)
    for name in ("current", "batches", "jobs", "leases", "unfinished_erasures", "leftover_files"):
        assert at_least(said[name], now[name]), name


def test_what_a_batch_changed_is_still_told(read_only: Restored, learnfold: Callable[..., Json]) -> None:
    """``diff`` of the last two batches says what it said."""
    said, now = read_only.said["diff"], learnfold("diff", read_only.out)
    assert at_least(said, now)


def test_the_quarantines_list_what_they_listed(read_only: Restored, learnfold: Callable[..., Json]) -> None:
    """Of the views and of the master dataset: reasons, counts, the events themselves and where they came from."""
    assert at_least(read_only.said["quarantine"], learnfold("quarantine", read_only.out))
    said = read_only.said["quarantine of the master dataset"]
    assert at_least(said, learnfold("quarantine", read_only.master))
    assert said["counts"]


def test_every_kept_batch_can_be_compared(read_only: Restored, learnfold: Callable[..., Json]) -> None:
    """Its files are found and read, whichever batch it is."""
    batches = list(read_only.manifests)
    for batch in batches[:-1]:
        assert learnfold("diff", read_only.out, batch, "current")["after"] == batches[-1]


def test_ingestion_goes_on_where_it_stopped(read_only: Restored) -> None:
    """The offset of every partition is the one that was written."""
    offsets = CommittedOffsets.read(FolderStorage(str(read_only.master))).offsets()
    files = {topic: read_only.master / "_progress" / f"topic={topic}" / "partition=0.json" for topic in TOPICS}
    written = {topic: json.loads(file.read_text(encoding="utf-8")) for topic, file in files.items()}
    assert offsets == {topic: {0: progress["offset"]} for topic, progress in written.items()}
    assert all(offset[0] > 0 for offset in offsets.values())


def test_a_run_with_nothing_new_publishes_nothing(
    made: Restored, learnfold: Callable[..., Json], views: Callable[[Restored], dict[str, Json]]
) -> None:
    """Only where the contract of reading or a subject was changed since, everything is folded, once, to the same rows."""
    planned = learnfold("run", made.master, made.out, "--plan")
    report = learnfold("run", made.master, made.out)
    assert report["published"] == any(topic["why"] != "nothing changed" for topic in planned["topics"])
    assert {topic["why"] for topic in planned["topics"]} <= {"nothing changed", "never folded", DEFINITION}
    new = {topic["topic"] for topic in planned["topics"] if topic["why"] == "never folded"}
    assert new.isdisjoint(f"{job['job']}_topic" for job in made.said["status"]["jobs"])
    assert not learnfold("run", made.master, made.out)["published"]
    assert same_but_reused_ids(made.said["views"], views(made))


def test_a_day_more_folds_only_that_day(made: Restored, learnfold: Callable[..., Json]) -> None:
    """What was folded by the earlier version stays; the new day is in the views beside it."""
    learnfold("run", made.master, made.out)
    before = learnfold("show", "auth_daily_active_users", made.out, "--limit", 1000)
    new_day(made)
    report = learnfold("run", made.master, made.out)
    assert report["published"]
    assert report["days_folded"] == 2  # one day of two topics
    after = learnfold("show", "auth_daily_active_users", made.out, "--limit", 1000)
    new = [row for row in after if row["date"] == "2025-11-20"]
    assert [(row["daily_active_users"], row["total_sessions"]) for row in new] == [(3, 1)]
    assert [row for row in after if row not in new] == before


def test_folding_everything_anew_gives_the_same_rows(
    made: Restored, learnfold: Callable[..., Json], views: Callable[[Restored], dict[str, Json]]
) -> None:
    """The present version reads the same events, in every shape that the earlier one left them in."""
    assert learnfold("run", made.master, made.out, "--full")["published"]
    assert same_but_reused_ids(made.said["views"], views(made))


def test_the_views_are_verified(made: Restored, learnfold: Callable[..., Json]) -> None:
    """What was published, and what its manifest claims, is right by the events."""
    learnfold("run", made.master, made.out)
    verified = learnfold("verify", made.master, made.out)
    assert verified["right"]
    assert not verified["unverified"]


def test_every_kept_batch_can_be_published_again_and_gone_on_from(
    made: Restored, learnfold: Callable[..., Json], views: Callable[[Restored], dict[str, Json]]
) -> None:
    """A rollback to the oldest shows its rows; the next run computes again what came since."""
    oldest = next(iter(made.manifests))
    assert at_least(made.said["views"], views(made))
    learnfold("rollback", made.out, oldest)
    assert learnfold("diff", made.out, oldest, "current")["same"]
    assert not at_least(made.said["views"], views(made))
    assert learnfold("run", made.master, made.out)["published"]
    assert same_but_reused_ids(made.said["views"], views(made))


def test_a_person_is_erased_from_all_that_was_left(made: Restored, learnfold: Callable[..., Json]) -> None:
    """From the events of every shape, both quarantines, merged files, rollups, views and old batches; others stay."""
    person, other = "SV00001", "SV00002"
    assert holding(made.root / "master", person)
    assert holding(made.root / "out", person)
    found = learnfold("erase", person, made.master, made.out, "--yes")
    assert sum(found["rows_by_topic"].values()) > 0
    assert found["quarantine_rows"] > 0
    assert holding(made.root / "master", person) == holding(made.root / "out", person) == []
    assert holding(made.root / "master", other)
    assert holding(made.root / "out", other)
    assert learnfold("verify", made.master, made.out)["right"]
    assert len(list(made.out.glob("_erasures/*.json"))) == 2


def test_who_was_erased_by_the_earlier_version_is_known_to_be(made: Restored, learnfold: Callable[..., Json]) -> None:
    """Its receipt is found again by the person's name, which it doesn't hold."""
    found = learnfold("erase", ERASED, made.master, made.out)
    assert found["nothing"]
    assert found["earlier"] in {f"_erasures/{file.name}" for file in made.out.glob("_erasures/*.json")}


def test_a_compaction_is_finished(
    made: Restored, learnfold: Callable[..., Json], views: Callable[[Restored], dict[str, Json]]
) -> None:
    """Files that were merged go when their time is over, and are counted by nobody meanwhile."""
    old = [path for file in made.master.glob("_compacted/*.json") for path in json.loads(file.read_text())["old"]]
    assert old
    assert all((made.master / path).exists() for path in old)
    learnfold("compact", made.master, "--before", "2025-11-10", "--grace-minutes", 0)
    learnfold("compact", made.master, "--before", "2025-11-10", "--grace-minutes", 0)
    assert not any((made.master / path).exists() for path in old)
    learnfold("run", made.master, made.out)
    assert same_but_reused_ids(made.said["views"], views(made))


def test_cleaning_keeps_what_the_batch_needs(
    made: Restored, learnfold: Callable[..., Json], views: Callable[[Restored], dict[str, Json]]
) -> None:
    """Older batches go, the published one stays whole."""
    learnfold("clean", made.out, "--keep", 1, "--grace-minutes", 0)
    assert len(made.manifests) == 1
    assert at_least(made.said["views"], views(made))


def test_a_manifest_still_says_all_that_it_said(made: Restored, learnfold: Callable[..., Json]) -> None:
    """Of format 1 no key is renamed or left out: other programs read it too."""
    assert FORMAT == 1
    before = list(made.manifests.values())[-1]
    new_day(made)
    learnfold("run", made.master, made.out)
    after = list(made.manifests.values())[-1]
    assert after["batch"] != before["batch"]
    assert keys(before) - keys(after) == set()


def keys(value: Json, path: str = "") -> set[str]:
    """The paths of keys in JSON, where names of jobs, files, days and the like count as one."""
    named = {"jobs", "topics", "files", "rollups", "views", "days", "offsets", "quarantined", "unreadable", "versions"}
    if isinstance(value, list):
        return {key for one in value for key in keys(one, f"{path}[]")}
    if not isinstance(value, dict):
        return {path}
    many = path.rpartition(".")[2] in named
    return {path}.union(*(keys(one, f"{path}.*" if many else f"{path}.{name}") for name, one in value.items()))


def test_no_archive_tells_of_the_machine_that_made_it(read_only: Restored) -> None:
    """Its paths are those of nowhere."""
    assert read_only.said["status"]["output"] == str(read_only.out)
    assert holding(read_only.root, PREFIX) == []
