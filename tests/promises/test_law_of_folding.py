"""The law: folding a dataset in any split, order and duplication gives what the contract says of its events, for every view."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnfold.settings import Settings
from promises.dataset import SHAPES, Dataset, folders
from promises.messages import TOPICS, streams
from promises.views import differences, rows, run_job, views_of

ZONES = st.sampled_from(
    [("UTC", "UTC"), ("Asia/Ho_Chi_Minh", "Asia/Ho_Chi_Minh"), ("America/New_York", "UTC"), ("UTC", "Pacific/Chatham")]
)


@pytest.mark.parametrize("job", TOPICS)
@given(data=st.data())
def test_any_layout_of_the_events_gives_the_views_of_the_contract(job: str, data: st.DataObject) -> None:
    """However events are spread over files, shapes, folders and days, all views equal the oracle's."""
    platform, reporting = data.draw(ZONES)
    settings = Settings(platform_zone=platform, reporting_zone=reporting)
    with TemporaryDirectory() as folder:
        dataset = Dataset(Path(folder) / "master")
        for topic in TOPICS[job]:
            stream = data.draw(streams(topic))
            for piece in data.draw(_pieces(stream)):
                dataset.add(topic, piece, shape=data.draw(SHAPES), folder=data.draw(folders()))
            dataset.add(topic, [], shape="envelope", folder="{topic}/empty")
        run_job(dataset.root, Path(folder) / "out", job, settings)
        assert differences(Path(folder) / "out", dataset.messages, job, settings) == []


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
