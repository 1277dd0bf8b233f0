"""The law over time: whatever arrives, is recomputed, crashes or is retried, the views end as one full run would have them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from learnfold.batch import fold, refresh, segments
from learnfold.batch.manifest import read_current
from learnfold.batch.request import Scope
from learnfold.engines.duckdb import DuckDBEngine
from learnfold.errors import MissingDataError
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from promises.dataset import SHAPES, Dataset, day_folders, folders
from promises.messages import FIRST_DAY, TOPICS, as_message, streams
from promises.views import differences, rows, run_job, views_of


class Killed(BaseException):
    """What a kill looks like from within: nothing catches it."""


class Crashing:
    """Storage that dies before its ``after``-th write."""

    WRITES = ("write", "swap", "copy", "delete")

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self.left = after
        for name in self.WRITES:
            monkeypatch.setattr(FolderStorage, name, self._dying(getattr(FolderStorage, name)))
        original = FolderStorage.new

        @contextlib.contextmanager
        def new(storage: FolderStorage, path: str):
            self._count()
            with original(storage, path) as file:
                yield file
                self._count()

        monkeypatch.setattr(FolderStorage, "new", new)

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def _dying(self, method):
        def call(*args, **kwargs):
            self._count()
            return method(*args, **kwargs)

        return call


@pytest.mark.parametrize("job", TOPICS)
@given(data=st.data())
def test_any_history_ends_in_the_views_of_one_full_run(job: str, data: st.DataObject) -> None:
    """Arrivals, late files, replaced files, recomputed ranges, crashes and retries in any order change no row in the end."""
    where = data.draw(st.sampled_from([day_folders(), folders()]))
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as how:
        how.setattr(
            refresh, "INCREMENTAL_SHARE", data.draw(st.sampled_from([0.5, 1.0]))
        )  # 1.0: views are asked in slices whenever they can be
        how.setattr(fold, "MOST_FILES", data.draw(st.sampled_from([2, 16])))  # 2: files are merged all the time
        how.setattr(segments, "LATE_DAYS", data.draw(st.sampled_from([-8, 0, 3])))  # -8: every day is in a segment
        how.setattr(DuckDBEngine, "fold_rows", data.draw(st.sampled_from([1, 20, 1_000_000])))
        dataset, out = Dataset(Path(folder) / "master"), Path(folder) / "out"
        for step in range(data.draw(st.integers(2, 5))):
            what = data.draw(st.sampled_from(["arrive", "arrive", "arrive", "recompute", "full", "replace", "crash"]))
            note(f"{step}: {what}")
            if what == "replace":
                _replace_two_files_by_one(dataset)
            elif what in {"arrive", "crash"}:
                for topic in TOPICS[job]:
                    stream = data.draw(streams(topic, 12))
                    dataset.add(topic, stream, shape=data.draw(SHAPES), folder=data.draw(where))
            if not dataset.messages:
                continue
            scope = Scope()
            if what == "full":
                scope = Scope(full=True)
            elif what == "recompute":
                scope = Scope(first=FIRST_DAY.date(), last=FIRST_DAY.date())
            if what == "crash":
                with pytest.MonkeyPatch.context() as monkeypatch:
                    Crashing(monkeypatch, data.draw(st.integers(1, 60)))
                    with contextlib.suppress(Killed):
                        run_job(dataset.root, out, job)
                for lease in (out / "_locks").glob("*.json"):  # of a process that is dead, were it one of its own
                    lease.unlink()
            elif data.draw(st.booleans()):
                run_job(dataset.root, out, job, scope=scope)
        if not dataset.messages:
            with pytest.raises(MissingDataError):
                run_job(dataset.root, out, job)
            return
        run_job(dataset.root, out, job)
        assert differences(out, dataset.messages, job) == []
        run_job(dataset.root, Path(folder) / "anew", job)
        for view in views_of(job):
            assert rows(out, view) == rows(Path(folder) / "anew", view), view
        assert _digests(out) == _digests(Path(folder) / "anew")
        again = run_job(dataset.root, out, job)
        assert again.batch is None, "nothing is new, so nothing is recomputed"


def _digests(out: Path) -> dict[str, str]:
    manifest, _ = read_current(FolderStorage(str(out)))
    assert manifest is not None
    return {name: view.digest for name, view in manifest.views.items()}


def _replace_two_files_by_one(dataset: Dataset) -> None:
    """What a compaction does: two envelope files of one folder become one with all their rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folders_: dict[Path, list[Path]] = {}
    for file in sorted(dataset.root.rglob("*.parquet")):
        if "value" in pq.read_schema(file).names and "offset" not in pq.read_schema(file).names:
            folders_.setdefault(file.parent, []).append(file)
    for files in folders_.values():
        if len(files) > 1:
            tables = [pq.read_table(file) for file in files[:2]]
            merged = pa.concat_tables(
                [table.select(["value"]).cast(pa.schema([("value", pa.binary())])) for table in tables]
            )
            pq.write_table(merged, files[0].with_name(f"merged-{files[0].name}"))
            for file in files[:2]:
                file.unlink()
            return


def test_a_late_event_folds_its_own_day_alone(tmp_path: Path) -> None:
    """A file that arrives for a day long past makes that day dirty and no other."""
    dataset, out = Dataset(tmp_path / "master"), tmp_path / "out"
    for day in (1, 2, 3):
        event = {
            "event_id": f"e{day}",
            "event_type": "VIDEO_WATCHED",
            "user_id": "u",
            "timestamp": f"2025-11-0{day} 10:00:00",
            "video_id": "v",
        }
        dataset.add("video_topic", [event], shape="envelope", folder=f"{{topic}}/year=2025/month=11/day=0{day}")
    assert run_job(dataset.root, out, "video").manifest.jobs["video"].folded_days == 3
    late = {
        "event_id": "late",
        "event_type": "VIDEO_WATCHED",
        "user_id": "u",
        "timestamp": "2025-11-02 23:00:00",
        "video_id": "v",
    }
    dataset.add("video_topic", [late], shape="envelope", folder="{topic}/year=2025/month=11/day=02")
    report = run_job(dataset.root, out, "video")
    assert (report.manifest.jobs["video"].folded_days, report.manifest.jobs["video"].reused_days) == (1, 2)
    assert differences(out, dataset.messages, "video") == []


def test_copies_of_an_event_in_two_day_folders_count_once(tmp_path: Path) -> None:
    """A copy that lies in another day's folder is found, whichever run brings it."""
    dataset, out = Dataset(tmp_path / "master"), tmp_path / "out"
    event = {
        "event_id": "e",
        "event_type": "VIDEO_WATCHED",
        "user_id": "u",
        "timestamp": "2025-11-01 10:00:00",
        "video_id": "v",
    }
    dataset.add("video_topic", [event], shape="envelope", folder="{topic}/year=2025/month=11/day=01")
    run_job(dataset.root, out, "video")
    dataset.add("video_topic", [event], shape="envelope", folder="{topic}/year=2025/month=11/day=05")
    run_job(dataset.root, out, "video")
    assert rows(out, "video_total_watch_time")[0]["total_watch_sessions"] == 1
    assert dataset.messages["video_topic"] == [as_message(event)] * 2


def test_a_changed_zone_recomputes_what_depends_on_it(tmp_path: Path) -> None:
    """The views of another reporting zone are right at once, though no file changed."""
    dataset, out = Dataset(tmp_path / "master"), tmp_path / "out"
    event = {"event_id": "e", "event_type": "LOGIN", "user_id": "u", "timestamp": "2025-11-01 20:00:00"}
    dataset.add("auth_topic", [event], shape="envelope", folder="{topic}/year=2025/month=11/day=01")
    run_job(dataset.root, out, "auth")
    settings = Settings(reporting_zone="Asia/Ho_Chi_Minh")
    assert run_job(dataset.root, out, "auth", settings).batch is not None
    assert differences(out, dataset.messages, "auth", settings) == []
