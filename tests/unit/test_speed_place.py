"""The state folder after a power cut, and stores that are torn: nobody answers from them, and all is made again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from learnfold import catalog
from learnfold.errors import DataError, StorageError
from learnfold.settings import Settings
from learnfold.speed import loop
from learnfold.speed import place as places
from learnfold.speed.live import Live
from learnfold.speed.place import Current, Place
from learnfold.speed.seen import write_whole
from learnfold.telemetry.reporter import Reporter
from unit.test_speed_live import tick

CURRENT = Current("b1", "base-b1", "live-b1-1", "digest")


def written(folder: Path) -> Place:
    """A folder that a process writes, with a pair that is answered from."""
    place = Place(str(folder))
    assert place.claim()
    (folder / CURRENT.base).mkdir()
    live = Live(folder / CURRENT.live)
    for number in range(40):
        tick(live, {(0, (f"key {number}", str(n))): ["x" * 50, n] for n in range(50)})
    live.close()
    place.swap(CURRENT)
    return place


def claimed(folder: Path) -> bool:
    """Whether the next process goes on with what is there."""
    place = Place(str(folder))
    goes_on = place.claim()
    place.leave(clean=False)
    return goes_on


def booted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The machine was started again since."""
    monkeypatch.setattr(places, "_boot", lambda: name)


@pytest.mark.parametrize("boot", ["first", ""])
def test_a_process_that_is_killed_leaves_what_can_be_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, boot: str
) -> None:
    """Where the machine tells that it wasn't started again; else all is made again, but others may answer from it until then."""
    booted(monkeypatch, boot)
    written(tmp_path).leave(clean=False)
    assert Place(str(tmp_path)).current() == CURRENT
    assert claimed(tmp_path) == bool(boot)
    assert (Place(str(tmp_path)).current() == CURRENT) == bool(boot)


def test_after_a_power_cut_nobody_answers_from_what_may_be_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before the next process has it, and then it is gone."""
    booted(monkeypatch, "first")
    written(tmp_path).leave(clean=False)
    booted(monkeypatch, "second")
    assert Place(str(tmp_path)).current() is None
    assert not claimed(tmp_path)
    assert Place(str(tmp_path)).current() is None
    assert not (tmp_path / CURRENT.base).exists()
    assert not (tmp_path / CURRENT.live).exists()


def test_after_a_clean_end_a_power_cut_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it was put on the disk."""
    booted(monkeypatch, "first")
    written(tmp_path).leave(clean=True)
    booted(monkeypatch, "second")
    assert Place(str(tmp_path)).current() == CURRENT
    assert claimed(tmp_path)


def test_an_end_that_cannot_reach_the_disk_is_not_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What wasn't written isn't trusted after the next start of the machine."""
    booted(monkeypatch, "first")
    place = written(tmp_path)

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(places, "_sync", full)
        place.leave(clean=True)
    booted(monkeypatch, "second")
    assert Place(str(tmp_path)).current() is None


def cut(data: bytes) -> bytes:
    """Its second half never reached the disk."""
    return data[: len(data) // 2]


def no_heads(data: bytes) -> bytes:
    """Both pages that say where everything is were never written."""
    return bytes(8192) + data[8192:]


@pytest.mark.parametrize("tear", [cut, no_heads, lambda data: data[:100], lambda _: b"no store at all" * 1000])
def test_a_store_that_is_torn_is_refused_in_one_line(tmp_path: Path, tear: Callable[[bytes], bytes]) -> None:
    """However it is: the process that writes makes another."""
    written(tmp_path).leave(clean=False)
    file = tmp_path / CURRENT.live / "data.mdb"
    file.write_bytes(tear(file.read_bytes()))
    with pytest.raises(DataError, match="made again") as refused:
        Live(tmp_path / CURRENT.live)
    assert "\n" not in str(refused.value)
    shutil.rmtree(tmp_path / CURRENT.live)
    Live(tmp_path / CURRENT.live).close()


def test_a_file_that_two_write_at_once_is_always_whole(tmp_path: Path) -> None:
    """As a repair and the pair before it may, over one base."""
    file, first, second = tmp_path / "day.u64", b"12345678", b"abcdefgh"

    def column() -> Iterator[bytes]:
        yield first
        write_whole(file, [[first, second]])
        assert file.read_bytes() == first + second
        yield second

    write_whole(file, [column()])
    assert file.read_bytes() == first + second
    assert list(tmp_path.iterdir()) == [file]


class Behind:
    """A new pair that isn't as far yet, when the process is told to stop."""

    current = Current("b2", "base-b2", "live-b2-1", "digest")
    source = SimpleNamespace(targets=lambda: {"video_topic": {0: 9}})

    def __init__(self, stop: Event) -> None:
        self.stop = stop

    def has_reached(self, _: object) -> bool:
        """Never."""
        return False

    def step(self, _: float) -> int:
        """In the middle of which it is stopped."""
        self.stop.set()
        return 1


@pytest.mark.parametrize(("action", "answered"), [("run", CURRENT), ("erase", Behind.current)])
def test_a_new_pair_that_is_stopped_on_its_way_lets_no_number_fall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, answered: Current
) -> None:
    """The one of before stays; but never one of before an erasure."""
    written(tmp_path / "state").leave(clean=True)
    stop, manifest = Event(), SimpleNamespace(batch="b2", action=action)
    request = loop.SpeedRequest(str(tmp_path / "out"), str(tmp_path / "state"))
    speed = loop.Speed(request, catalog.load(), Settings(), Reporter(), stop, SimpleNamespace())
    monkeypatch.setattr(loop, "Pair", lambda *_: Behind(stop))
    for name, value in (("_published", manifest), ("_again", None), ("_master", None)):
        monkeypatch.setattr(speed, name, lambda *_, value=value: value)
    speed._first(goes_on=True)
    assert Place(str(tmp_path / "state")).current() == answered


def test_a_store_that_cannot_reach_the_disk_is_no_clean_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark stays, so that after the next start of the machine nobody answers from it."""

    def full() -> None:
        raise StorageError("the live state can't be written: no room")

    pair = SimpleNamespace(live=SimpleNamespace(flush=full), close=lambda: None)
    request = loop.SpeedRequest(str(tmp_path / "out"), str(tmp_path / "state"))
    speed = loop.Speed(request, catalog.load(), Settings(), Reporter(), Event(), SimpleNamespace())
    monkeypatch.setattr(speed, "_first", lambda **_: pair)
    monkeypatch.setattr(speed, "_follow", lambda _: pair)
    monkeypatch.setattr(loop, "_report", lambda *_: None)
    with pytest.raises(StorageError, match="no room"):
        speed.run()
    assert (tmp_path / "state" / "running").exists()
