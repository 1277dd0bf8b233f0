"""The law of the speed layer without Kafka: a batch and the files that came since answer as one recompute of all of them would."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tries
from learnfold.settings import Settings
from learnfold.speed import file_source
from promises.followed import Followed
from promises.messages import TOPICS, streams

if TYPE_CHECKING:
    from learnfold.speed.pair import Pair
    from promises.followed import At, Item

ZONES = [Settings(threads=1), Settings(platform_zone="America/New_York", reporting_zone="Asia/Ho_Chi_Minh", threads=1)]


class CutError(Exception):
    """A tick ends here, in the middle."""


def file(world: Followed, topic: str, data: st.DataObject, offset: int) -> None:
    """A file of random events, with places in Kafka or without; some of the places are other files' too."""
    items: list[Item] = data.draw(streams(topic, 12))
    places: list[At] | None = None
    if data.draw(st.booleans()):
        first = offset - data.draw(st.sampled_from([0, 0, 3]))
        places = [(0, max(0, first + n - data.draw(st.sampled_from([0, 0, 0, 1])))) for n in range(len(items))]
    world.add(topic, items, places)


def cut(world: Followed, pair: Pair, data: st.DataObject) -> Pair:
    """Some steps, of which one is ended in the middle and the store opened again."""
    for _ in range(data.draw(st.integers(0, 3))):
        pair.step(0.0)
    begin = pair.live.begin

    def torn() -> object:
        tick = begin()

        def commit(_: object) -> None:
            tick.abort()
            raise CutError

        tick.commit = commit  # type: ignore[method-assign]
        return tick

    pair.live.begin = torn  # type: ignore[method-assign, assignment]
    with pytest.raises(CutError):
        bring_for_ever(pair)
    return world.again(pair)


def bring_for_ever(pair: Pair) -> None:
    """Until something ends it."""
    while True:
        pair.step(0.0)


@pytest.mark.parametrize("job", ["assessment", "video"])
@settings(max_examples=tries(4))
@given(data=st.data())
def test_batch_and_files_answer_as_a_recompute(job: str, data: st.DataObject) -> None:
    """Every view, every row: files anyhow between batch and live, copies alike and different, late, malformed, without ids; after a kill; after the next batch."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        world = Followed(Path(folder), job, data.draw(st.sampled_from(ZONES)))
        world.spy(patch)
        patch.setattr(file_source, "MOST_AT_ONCE", data.draw(st.sampled_from([1, 5, 1000])))
        patch.setattr(file_source, "_GROUP_FILES", data.draw(st.sampled_from([1, 3, 200])))
        offsets = iter(range(0, 10_000, 10))
        for topic in TOPICS[job]:
            file(world, topic, data, next(offsets))
        world.batch()
        pair = world.pair()
        for _ in range(data.draw(st.integers(1, 3))):
            for topic in TOPICS[job]:
                for _ in range(data.draw(st.integers(0, 2))):
                    file(world, topic, data, next(offsets))
            if data.draw(st.booleans()):
                pair = cut(world, pair, data)
            pair = world.repaired(pair)
            assert world.differences(pair) == []
        pair.close()
        world.batch()
        for topic in TOPICS[job]:
            file(world, topic, data, next(offsets))
        world.waiting.clear()
        world.weighed.clear()
        pair = world.repaired(world.pair())
        assert world.differences(pair) == []
        pair.close()
