"""The law of the speed layer: batch and live together answer as one recompute of all messages would, whatever the split.

Random messages (late, malformed, copies alike and copies that differ, NULL keys), random borders by partition, sizes of ticks,
ticks that are cut short, stores that are opened again, repairs and hand-overs to a next batch. Expected is what the oracle says.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tries
from learnfold.settings import Settings
from learnfold.speed.live import Live, Progress
from learnfold.speed.tick import Reader
from promises.messages import TOPICS, streams
from promises.streamed import LAYOUT, PartLog, World

if TYPE_CHECKING:
    from learnfold.speed.base import Base
    from learnfold.speed.live import Positions
    from promises.streamed import Place

ZONES = [Settings(threads=1), Settings(platform_zone="America/New_York", reporting_zone="Asia/Ho_Chi_Minh", threads=1)]
PARTITIONS = 2


class CutError(Exception):
    """A tick ends here, in the middle."""


def some_ahead(data: st.DataObject, first: Positions, last: Positions) -> Positions:
    """Positions between two."""
    return {
        topic: {p: data.draw(st.integers(first.get(topic, {}).get(p, 0), end)) for p, end in ends.items()}
        for topic, ends in last.items()
    }


def follow(world: World, base: Base, end: Positions, data: st.DataObject, left_out: list[Place] | None = None) -> Live:
    """A live store over ``base`` that is brought to ``end`` in random ticks, some of them cut short."""
    folder = world.live()
    live = Live(folder)
    live.progress = Progress(positions=base.about.border, left_out=left_out or [])
    with Reader(world.settings, LAYOUT) as reader:
        ticks = world.ticks(base, live, reader)
        while live.progress.positions != end or not live.progress.tick:
            at = live.progress.positions
            following = end if data.draw(st.booleans()) else some_ahead(data, at, end)
            batches = world.log.tick(at, following)
            if data.draw(st.integers(0, 3)) == 0 and live.progress.tick:
                with pytest.raises(CutError):
                    ticks.add(batches, following, _cut)
                live.close()
                live = Live(folder)
                ticks = world.ticks(base, live, reader)
            else:
                ticks.add(batches, following)
    return live


def _cut(_: Progress) -> None:
    raise CutError


def repaired(world: World, base: Base, live: Live, data: st.DataObject) -> Live:
    """The store made again without the copies that lost, as often as it takes."""
    while live.progress.losers:
        left_out = [*live.progress.left_out, *live.progress.losers]
        live.close()
        live = follow(world, base, live.progress.positions, data, left_out)
    return live


@pytest.mark.parametrize("job", TOPICS)
@settings(max_examples=tries(3))
@given(data=st.data())
def test_batch_and_live_answer_as_a_recompute(job: str, data: st.DataObject) -> None:
    """Every view, every row; after a repair where copies differ, and after a hand-over to a next batch."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder), job, data.draw(st.sampled_from(ZONES)))
        for topic in TOPICS[job]:
            items = [(data.draw(st.integers(0, PARTITIONS - 1)), item) for item in data.draw(streams(topic))]
            world.log.add(topic, items, PARTITIONS)
        ends = world.log.ends()
        border = some_ahead(data, {}, ends)
        base = world.batch(border)
        end = some_ahead(data, border, ends)
        live = repaired(world, base, follow(world, base, end, data), data)
        assert world.differences(base, live) == []
        waited = set(world.waiting)
        live.close()
        base.close()
        base = world.batch(some_ahead(data, border, ends))
        border = base.about.border
        end = {t: {p: max(o, border[t][p]) for p, o in its.items()} for t, its in end.items()}
        world.waiting = set()
        live = repaired(world, base, follow(world, base, end, data), data)
        assert world.differences(base, live) == []
        assert all(offset >= border[topic][partition] for topic, partition, offset in world.waiting), waited
        live.close()
        base.close()


@pytest.mark.parametrize("job", ["assessment", "video"])
@settings(max_examples=tries(3))
@given(data=st.data())
def test_batch_and_parts_answer_as_a_recompute(job: str, data: st.DataObject) -> None:
    """Parts in place of Kafka's messages, taken from any offset to any other: every view, every row, copies that differ among them."""
    with TemporaryDirectory() as folder:
        zones = data.draw(st.sampled_from(ZONES))
        world = World(Path(folder), job, zones, PartLog(folder=Path(folder), settings=zones))
        for topic in TOPICS[job]:
            items = [(data.draw(st.integers(0, PARTITIONS - 1)), item) for item in data.draw(streams(topic))]
            world.log.add(topic, items, PARTITIONS)
        ends = world.log.ends()
        base = world.batch(some_ahead(data, {}, ends))
        live = repaired(world, base, follow(world, base, ends, data), data)
        assert world.differences(base, live) == []
        live.close()
        base.close()


@settings(max_examples=tries(2))
@given(data=st.data())
def test_views_over_several_subjects_answer_as_a_recompute(data: st.DataObject) -> None:
    """Those that read other subjects' rollups and views, thresholds and the clock's day: all views, of all topics together."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder), None, data.draw(st.sampled_from(ZONES)))
        for topic in [topic for topics in TOPICS.values() for topic in topics]:
            items = [(data.draw(st.integers(0, PARTITIONS - 1)), item) for item in data.draw(streams(topic, 12))]
            world.log.add(topic, items, PARTITIONS)
        ends = world.log.ends()
        base = world.batch(some_ahead(data, {}, ends))
        assert base.about.without == {}
        live = repaired(world, base, follow(world, base, ends, data), data)
        assert world.differences(base, live) == []
        live.close()
        base.close()
