"""The law: folding a dataset in any split, order and duplication gives what the contract says of its events, for every view."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tries
from learnfold import catalog
from learnfold.settings import Settings
from promises.dataset import SHAPES, Dataset, folders
from promises.messages import TOPICS, streams
from promises.views import differences, rows, run_job, views_of

JOBS_OVER_OTHERS = [job.name for job in catalog.load().jobs.values() if job.after]
ZONES = st.sampled_from(
    [("UTC", "UTC"), ("Asia/Ho_Chi_Minh", "Asia/Ho_Chi_Minh"), ("America/New_York", "UTC"), ("UTC", "Pacific/Chatham")]
)


@pytest.mark.parametrize("job", TOPICS)
@given(data=st.data())
def test_any_layout_of_the_events_gives_the_views_of_the_contract(job: str, data: st.DataObject) -> None:
    """However events are spread over files, shapes, folders and days, all views equal the oracle's."""
    platform, reporting = data.draw(ZONES)
    chosen = Settings(platform_zone=platform, reporting_zone=reporting)
    with TemporaryDirectory() as folder:
        dataset = Dataset(Path(folder) / "master")
        for topic in TOPICS[job]:
            stream = data.draw(streams(topic))
            for piece in data.draw(_pieces(stream)):
                dataset.add(topic, piece, shape=data.draw(SHAPES), folder=data.draw(folders()))
            dataset.add(topic, [], shape="envelope", folder="{topic}/empty")
        run_job(dataset.root, Path(folder) / "out", job, chosen)
        assert differences(Path(folder) / "out", dataset.messages, job, chosen) == []


@pytest.mark.slow
@settings(max_examples=tries(8))
@given(data=st.data())
def test_views_over_all_topics_are_those_of_the_contract_after_every_run(data: st.DataObject) -> None:
    """Views of views: of everything at once, and again when more of some topics has come."""
    platform, reporting = data.draw(ZONES)
    chosen = Settings(platform_zone=platform, reporting_zone=reporting)
    with TemporaryDirectory() as folder:
        dataset, out = Dataset(Path(folder) / "master"), Path(folder) / "out"
        names = [topic for topics in TOPICS.values() for topic in topics]
        for topic in names:
            dataset.add(topic, data.draw(streams(topic)), shape=data.draw(SHAPES), folder=data.draw(folders()))
        run_job(dataset.root, out, settings=chosen)
        for job in JOBS_OVER_OTHERS:
            assert differences(out, dataset.messages, job, chosen) == []
        more = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        for topic in more:
            dataset.add(topic, data.draw(streams(topic)), shape="kafka", folder="{topic}")
        run_job(dataset.root, out, settings=chosen)
        for job in JOBS_OVER_OTHERS:
            assert differences(out, dataset.messages, job, chosen) == []


@pytest.mark.parametrize("job", TOPICS)
@given(data=st.data())
def test_two_splits_of_the_same_deliveries_give_the_same_rows(job: str, data: st.DataObject) -> None:
    """Splitting, ordering and delivering identified events again changes no row of any view."""
    with TemporaryDirectory() as folder:
        one, other = Dataset(Path(folder) / "one"), Dataset(Path(folder) / "other")
        for topic in TOPICS[job]:
            stream = [item for item in data.draw(streams(topic)) if isinstance(item, dict)]
            again = [item for item in stream if str(item.get("event_id", "")).strip() and data.draw(st.booleans())]
            one.add(topic, stream, shape="envelope", folder="{topic}")
            for piece in data.draw(_pieces(data.draw(st.permutations(stream + again)))):
                other.add(topic, piece, shape="envelope", folder=data.draw(folders()))
            other.add(topic, [], shape="envelope", folder="{topic}/empty")
        for dataset in (one, other):
            run_job(dataset.root, Path(folder) / f"out-{dataset.root.name}", job)
        for view in views_of(job):
            assert rows(Path(folder) / "out-one", view) == rows(Path(folder) / "out-other", view), view


@st.composite
def _pieces(draw: st.DrawFn, stream: list) -> list[list]:
    """The stream cut and shuffled into up to four files."""
    count = draw(st.integers(1, 4))
    pieces: list[list] = [[] for _ in range(count)]
    for item in stream:
        pieces[draw(st.integers(0, count - 1))].append(item)
    return [piece for piece in pieces if piece]
