"""Runs of subjects that read each other: all at once or one by one, what depends on a change is refreshed and nothing else."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_views_of_views import read

from learnfold.batch.clean import clean
from learnfold.batch.context import Workspace
from learnfold.batch.request import RunRequest, Scope
from learnfold.batch.run import RunReport, plan, run
from learnfold.errors import UsageError
from learnfold.operate.rollback import rollback
from learnfold.operate.status import status
from learnfold.operate.verify import verify
from learnfold.privacy.erase import erase
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from promises.dataset import Dataset

CATALOG = read()
VIEWS = tuple(CATALOG.views)


class Place:
    """A dataset of books and films, and its views."""

    def __init__(self, root: Path) -> None:
        self.dataset, self.out, self.number = Dataset(root / "master"), root / "out", 0

    def add(self, topic: str, day: int, *users: str, **fields: object) -> None:
        """A file of a day: one event of each user."""
        common = {"event_type": "READ", "timestamp": f"2025-12-{day:02d} 10:00:00", **fields}
        events = [common | {"event_id": f"e{self.number}-{n}", "user_id": user} for n, user in enumerate(users)]
        self.number += 1
        self.dataset.add(topic, events, shape="flat", folder=f"{{topic}}/year=2025/month=12/day={day:02d}")

    def run(self, *jobs: str, out: Path | None = None, scope: Scope | None = None) -> RunReport:
        """The jobs, or all."""
        request = RunRequest(str(self.dataset.root), str(out or self.out), jobs, scope or Scope())
        return run(request, CATALOG, Settings())

    def rows(self, view: str, out: Path | None = None) -> list[tuple[object, ...]]:
        """A view's rows at its plain path."""
        table = pq.read_table((out or self.out) / view / "part-00000.parquet")
        return [tuple(row.values()) for row in table.to_pylist()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two readers of three and four books, one of whom saw a film."""
    place = Place(tmp_path)
    for book, users in {"b1": ("u1", "u2"), "b2": ("u1", "u2"), "b3": ("u1", "u2"), "b4": ("u2",)}.items():
        place.add("book_topic", 1, *users, book_id=book)
    place.add("film_topic", 1, "u1", film_id="f1")
    return place


def refreshed(report: RunReport) -> set[str]:
    """The views that a run made anew."""
    return {name for name, view in report.manifest.views.items() if view.batch == report.batch}


def test_one_run_makes_all_of_them(place: Place) -> None:
    """Each from those above it; a second run has nothing to do."""
    assert refreshed(place.run()) == set(VIEWS)
    assert place.rows("readers") == [("u1", 3), ("u2", 4)]
    assert place.rows("all_round") == [("u1", 3, 1), ("u2", 4, None)]
    assert place.rows("how_many") == [(3, 1), (4, 1)]
    assert place.run().batch is None


def test_a_change_below_refreshes_what_depends_on_it_and_nothing_else(place: Place) -> None:
    """A film changes what is made of films; what reads a view whose rows stay the same isn't touched."""
    place.run()
    place.add("film_topic", 2, "u2", film_id="f1")
    assert refreshed(place.run()) == {"all_round", "how_many"}
    assert place.rows("all_round") == [("u1", 3, 1), ("u2", 4, 1)]
    place.add("book_topic", 2, "u3", book_id="b1")
    assert refreshed(place.run()) == {"books_read", "readers", "reader_books"}, (
        "one book makes no reader: readers is as it was"
    )
    place.add("book_topic", 3, "u2", book_id="b5")
    assert refreshed(place.run()) == set(VIEWS)
    assert place.rows("how_many") == [(3, 1), (5, 1)]


def test_jobs_one_by_one_make_the_same(place: Place, tmp_path: Path) -> None:
    """A job that reads others takes what is published; it has nothing to do until that changes."""
    for job in ("film", "book", "aaa"):
        assert place.run(job, out=tmp_path / "single").batch is not None
    place.run()
    for view in VIEWS:
        assert place.rows(view) == place.rows(view, tmp_path / "single")
    assert place.run("aaa").batch is None
    place.add("film_topic", 2, "u2", film_id="f1")
    assert refreshed(place.run("film")) == set()
    assert refreshed(place.run("aaa")) == {"all_round", "how_many"}
    assert place.rows("all_round") == [("u1", 3, 1), ("u2", 4, 1)]


def test_a_job_without_what_it_reads_is_refused(place: Place, tmp_path: Path) -> None:
    """By the name of the job that must run first, or that was made of something else."""
    place.run("book")
    with pytest.raises(
        UsageError, match=r"aaa reads what film makes, which isn't at .* yet; run film first, or all jobs"
    ):
        place.run("aaa")
    other = Place(tmp_path / "other")
    other.add("book_topic", 1, "u1", book_id="b1")
    other.run("book", "film", out=tmp_path / "third")
    with pytest.raises(UsageError, match=r"aaa reads what book makes, which at .* is made from .*other/master"):
        place.run("aaa", out=tmp_path / "third")


def test_a_plan_names_what_will_be_refreshed(place: Place) -> None:
    """Through all that stands between."""
    place.run()
    place.add("book_topic", 3, "u2", book_id="b5")
    plans, _ = plan(RunRequest(str(place.dataset.root), str(place.out)), CATALOG, Settings())
    assert [name for each in plans for name in each.views] == list(VIEWS)


def test_they_are_verified_with_what_they_read(place: Place) -> None:
    """Right as they are; stale where what they read was refreshed since, and so said."""
    place.run()
    workspace = Workspace(FolderStorage(str(place.out)), CATALOG, Settings())
    assert verify(workspace, str(place.dataset.root)).right
    place.add("film_topic", 2, "u2", film_id="f1")
    place.run("film")
    found = verify(workspace, str(place.dataset.root), ["aaa"])
    assert list(found.unverified) == ["all_round"]
    assert len(found.views) == 1
    assert "what it reads was refreshed since" in found.unverified["all_round"]


def test_operators_work_on_a_job_that_has_no_topics(place: Place) -> None:
    """Its state, a rollback, cleaning and an erasure; afterwards the person is in none of the views."""
    first = place.run().batch
    place.add("film_topic", 2, "u2", film_id="f1")
    place.run()
    workspace = Workspace(FolderStorage(str(place.out)), CATALOG, Settings(keep_batches=1, grace_minutes=0))
    assert [line.job for line in status(workspace, str(place.dataset.root)).jobs] == ["book", "film", "aaa"]
    rollback(workspace, str(first))
    assert place.rows("all_round") == [("u1", 3, 1), ("u2", 4, None)]
    assert place.run().batch is not None
    clean(workspace)
    assert place.run().batch is None
    erase(workspace, "u2", str(place.dataset.root), dry_run=False)
    assert place.rows("all_round") == [("u1", 3, 1)]
    assert place.rows("how_many") == [(3, 1)]
    assert verify(workspace, str(place.dataset.root)).right


@given(data=st.data())
def test_any_history_ends_in_the_views_of_one_run(data: st.DataObject) -> None:
    """Events that come in any order, between runs of any jobs, end in what one run over everything makes."""
    with TemporaryDirectory() as folder:
        place = Place(Path(folder))
        place.add("book_topic", 1, "u1", book_id="b1")
        place.add("film_topic", 1, "u1", film_id="f1")
        place.run()
        for _ in range(data.draw(st.integers(1, 6))):
            topic, name = data.draw(st.sampled_from([("book_topic", "book_id"), ("film_topic", "film_id")]))
            users = data.draw(st.lists(st.sampled_from(["u1", "u2"]), min_size=1, max_size=4))
            place.add(
                topic, data.draw(st.integers(1, 3)), *users, **{name: data.draw(st.sampled_from(["x1", "x2", None]))}
            )
            jobs = data.draw(st.sampled_from([(), ("book",), ("film",), ("aaa",), ("book", "aaa")]))
            place.run(*jobs, scope=Scope(full=data.draw(st.booleans())))
        place.run()
        place.run(out=Path(folder) / "once")
        for view in VIEWS:
            assert place.rows(view) == place.rows(view, Path(folder) / "once"), view
