"""Whatever lies where learnfold keeps its records, a command says what is wrong and what to do, and that works."""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from small_place import Place

from conftest import tries
from learnfold.batch.erasure_receipt import new_receipt
from learnfold.cli import main
from learnfold.storage import lease
from learnfold.storage.out_layout import POINTER, SCHEDULE_JOURNAL, lease_path, manifest_path, plain_note_path

COMMANDS = (
    "run MASTER OUT --job video",
    "run MASTER OUT --job video --full",
    "rollback OUT",
    "status OUT",
    "verify MASTER OUT",
    "show video_popularity OUT",
    "quarantine OUT",
    "clean OUT",
    "diff OUT previous current",
)


class Clock:
    """The time as whoever watches a lease sees it: a sleep is over at once, and the time has gone on by it."""

    CLOCK_MONOTONIC = time.CLOCK_MONOTONIC
    clock_gettime = staticmethod(time.clock_gettime)

    def __init__(self) -> None:
        self.slept = 0.0

    def monotonic(self) -> float:
        """Seconds, those slept included."""
        return time.monotonic() + self.slept

    def sleep(self, seconds: float) -> None:
        """Lets them go by."""
        self.slept += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Nobody else is at work here who could say a word meanwhile: watching a silent lease need take no time."""
    clock = Clock()
    monkeypatch.setattr(lease, "time", clock)
    return clock


def said(place: Path, command: str) -> tuple[int, str]:
    """The exit code of a command in this process and what it printed; what it raises passes, as its user would see it."""
    words = [{"MASTER": str(place / "master"), "OUT": str(place / "out")}.get(word, word) for word in command.split()]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            code = main(words)
        except SystemExit as exited:
            code = int(exited.code or 0)
    return code, out.getvalue() + err.getvalue()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with two batches, a lease of a dead process, a receipt and a journal."""
    place = Place(tmp_path_factory.mktemp("whole"))
    for day in (1, 2):
        place.watch(day, "u1", "u2")
        place.run()
    receipt = new_receipt("u77", str(place.master), str(place.out))
    receipt.finished_at = receipt.started_at
    receipt.write(place.storage)
    (place.out / "_schedule").mkdir()
    (place.out / SCHEDULE_JOURNAL).write_text('{"last": "2026-01-01T00:00:00+00:00", "begun": null}')
    lease = {"host": "h", "machine": "m", "pid": 1, "born": "1", "since": "x", "renewed": "2020-01-01T00:00:00+00:00"}
    (place.out / "_locks").mkdir(exist_ok=True)
    (place.out / lease_path("video")).write_text(json.dumps({"owner": "o", **lease}))
    shutil.copytree(place.out, place.root / "saved")
    return place.root


@pytest.fixture
def place(whole: Path) -> Path:
    """The same place, its output as it was."""
    shutil.rmtree(whole / "out")
    shutil.copytree(whole / "saved", whole / "out")
    return whole


def spoiled(data: bytes, chance: random.Random) -> bytes:
    """Rubbish in place of a record: none of it, another kind of value somewhere within it, a cut, a flip, or noise."""
    rubbish: tuple[Any, ...] = (
        None,
        [],
        {},
        "",
        "x",
        "\0",
        "\ud800",
        -1,
        0,
        10**30,
        1e400,
        0.5,
        True,
        [[]],
        "2020-01-01",
        "0001-01-01T00:00:00",
    )
    kind = chance.randrange(6)
    if kind == 0:
        return chance.choice(
            [b"", b"[" * 100_000, b"null", b"[]", b"7", b'"x"', b"{}", b"\xff\xfe", chance.randbytes(99)]
        )
    if kind == 1:
        return data[: chance.randrange(len(data))]
    if kind == 2:
        at = chance.randrange(len(data))
        return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
    value = json.loads(data)
    places = list(_places(value))
    holder, key = chance.choice(places)
    if kind == 3:
        del holder[key]
    else:
        holder[key] = chance.choice(rubbish)
    return json.dumps(value).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *_places(value[key]))]


@pytest.mark.parametrize("seed", range(tries(40)))
def test_rubbish_in_any_record_gives_a_message(place: Path, seed: int) -> None:
    """Every command that reads it ends with 0, or with 1 and a message; never with a traceback."""
    chance = random.Random(seed)
    out = place / "out"
    current = json.loads((out / POINTER).read_text())["batch"]
    before = next(path.name for path in (out / "_batches").iterdir() if path.is_dir() and path.name != current)
    receipt = next((out / "_erasures").glob("*.json")).relative_to(out).as_posix()
    records = [
        POINTER,
        manifest_path(current),
        manifest_path(before),
        plain_note_path("video"),
        lease_path("video"),
        receipt,
    ]
    path = out / (manifest_path(current) if seed % 2 else chance.choice(records))
    data = spoiled(path.read_bytes(), chance)
    path.write_bytes(data)
    code, text = said(place, COMMANDS[seed % len(COMMANDS)])
    assert code in {0, 1}, (path.name, data[:300], text)
    assert code == 0 or text.strip()


@pytest.mark.parametrize("way", ["rollback OUT", "run MASTER OUT --job video --full"])
@pytest.mark.parametrize("record", ["pointer", "manifest", "gone"])
def test_the_ways_out_that_a_message_names_work(place: Path, way: str, record: str) -> None:
    """A torn manifest or pointer, or one to a batch that is gone: both ways end well, and the next run too."""
    current = json.loads((place / "out" / POINTER).read_text())["batch"]
    path = place / "out" / (POINTER if record == "pointer" else manifest_path(current))
    if record == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20])
    code, text = said(place, "run MASTER OUT --job video")
    assert code == 1
    assert "rollback" in text
    assert "run --full" in text
    assert said(place, way)[0] == 0
    assert said(place, "run MASTER OUT --job video")[0] == 0
    assert said(place, "verify MASTER OUT --job video")[0] == 0


def test_a_silent_lease_is_watched_for_as_long_as_a_lease_lasts(place: Path, clock: Clock) -> None:
    """It is of another machine, whose process may still live; then the run takes it over."""
    assert said(place, "run MASTER OUT --job video --full")[0] == 0
    assert 60 <= clock.slept < 61


def test_a_torn_older_manifest_stops_nobody(place: Path) -> None:
    """Only its own batch can't be shown or published again."""
    current = json.loads((place / "out" / POINTER).read_text())["batch"]
    for path in (place / "out" / "_batches").glob("*/manifest.json"):
        if path.parent.name != current:
            path.write_bytes(b"{")
    for command in ("status OUT", "run MASTER OUT --job video", "clean OUT", "verify MASTER OUT"):
        assert said(place, command)[0] == 0, command


def test_an_unreadable_receipt_is_named(place: Path) -> None:
    """It could be of an erasure that wasn't finished, so it isn't passed over."""
    path = next((place / "out/_erasures").glob("*.json"))
    path.write_bytes(path.read_bytes()[:50])
    code, text = said(place, "status OUT")
    assert code == 1
    assert path.name in text
    assert "give the erasure's command again" in text
    path.unlink()
    assert said(place, "status OUT")[0] == 0
