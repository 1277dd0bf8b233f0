"""A disk without room stops the speed layer with an error, and never makes a number wrong; with room it goes on."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from learnfold.errors import StorageError
from learnfold.generate import Semester, messages
from learnfold.kafka.messages import MessageBatch
from learnfold.settings import Settings
from learnfold.speed.live import MAP_BYTES, Live, Positions, Progress
from learnfold.speed.tick import Reader, Ticks
from promises.streamed import LAYOUT, World

TOPIC = "video_topic"
TICKS = 6
SIZE = 200_000
"""Bytes of a store for which there is room: some ticks, not all."""


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Some hundred messages about videos, in two partitions."""
    world = World(tmp_path_factory.mktemp("full"), "video", Settings(threads=1))
    values = [value for topic, _, value in messages(Semester(events=900, days=3, seed=3)) if topic == TOPIC]
    world.log.add(TOPIC, [(number % 2, value) for number, value in enumerate(values)], 2)
    return world


def steps(border: Positions, ends: Positions) -> list[Positions]:
    """Positions after each of the ticks."""
    return [
        {TOPIC: {p: border[TOPIC][p] + (end - border[TOPIC][p]) * n // TICKS for p, end in ends[TOPIC].items()}}
        for n in range(1, TICKS + 1)
    ]


def _refused(ticks: Ticks, batches: dict[str, list[MessageBatch]], following: Positions, way: str) -> str | None:
    """Why a tick isn't added; None: it is."""
    try:
        with files_up_to(SIZE if way == "the disk" else resource.RLIM_INFINITY):
            ticks.add(batches, following)
    except StorageError as error:
        return str(error)
    return None


@pytest.mark.parametrize("way", ["the store", "the disk"])
def test_a_full_disk_makes_no_number_wrong(world: World, way: str) -> None:
    """The tick that finds no room isn't there at all, and what was before it is right; with room it goes on, and ends as a recompute."""
    ends = world.log.ends()
    base = world.batch({TOPIC: {p: end // 4 for p, end in ends[TOPIC].items()}})
    folder = world.live()
    live = Live(folder, map_bytes=SIZE if way == "the store" else MAP_BYTES)
    live.progress = Progress(positions=base.about.border)
    with Reader(world.settings, LAYOUT) as reader:
        ticks, at, failed = world.ticks(base, live, reader), base.about.border, False
        reader.read(TOPIC, world.log.between({}, steps(at, ends)[0])[TOPIC])  # so that nothing else is to be written
        for following in steps(at, ends):
            before, why = live.latest(), _refused(ticks, world.log.between(at, following), following, way)
            if why is not None:
                assert "can't be written" in why
                assert "\n" not in why
                assert live.latest() == before
                failed = True
                break
            at = following
        assert failed
        assert at != base.about.border
        assert world.differences(base, live) == []
        live.close()
        live = Live(folder)
        assert live.progress.positions == at
        world.ticks(base, live, reader).add(world.log.between(at, ends), ends)
    assert world.differences(base, live) == []
    live.close()
    base.close()


def test_a_base_without_room_is_made_the_next_time(world: World) -> None:
    """An error says so; nobody takes what is there of it for a base."""
    world.batch({TOPIC: {p: end // 3 for p, end in world.log.ends()[TOPIC].items()}}).close()
    folder = world.root / "base-full"
    with pytest.raises(StorageError), files_up_to(1_000):
        world.reopened(folder)
    base, live = world.reopened(folder), Live(world.live())
    live.progress = Progress(positions=base.about.border)
    with Reader(world.settings, LAYOUT) as reader:
        world.ticks(base, live, reader).add(world.log.between(base.about.border, world.log.ends()), world.log.ends())
    assert world.differences(base, live) == []
    live.close()
    base.close()
