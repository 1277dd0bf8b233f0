"""Statements pulled from a learning record store: all of them, each once, whatever happens on the way."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingested import KilledError, dying_after, rows, visible
from small_lrs import BEGIN, SmallLrs, statement

from learnfold import catalog
from learnfold.cli import main
from learnfold.errors import BusyError, StorageError
from learnfold.ingest.lrs.cursor import Cursor, read_cursor, write_cursor
from learnfold.ingest.lrs.pull import PullContext, pull
from learnfold.ingest.lrs.store import Store, StoreRequest
from learnfold.ingest.mapping.file import load
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from learnfold.telemetry.reporter import Reporter

SECOND = timedelta(seconds=1)


def context(master: Path, at_once: int = 500_000) -> PullContext:
    """A pull into that folder, which writes after so many statements."""
    settings = Settings(flush_events=at_once)
    return PullContext(FolderStorage(str(master)), catalog.load(), settings, load("xapi"), Reporter())


def pulled(lrs: SmallLrs, master: Path, at_once: int = 500_000, overlap: float = 1.0) -> int:
    """How many events a pull brought."""
    report = pull(context(master, at_once), Store(StoreRequest(lrs.url, give_up_seconds=1.0)), overlap_hours=overlap)
    return sum(report.events.values())


def held(master: Path) -> Counter[str]:
    """The events in the master dataset by their ids, and how often each is there."""
    if not list(master.rglob("topic=*/**/*.parquet")):
        return Counter()
    return Counter(str(row["event_id"]) for row in rows(visible(master)))


@given(data=st.data())
def test_each_statement_of_a_store_is_its_event_once(data: st.DataObject) -> None:
    """Stored in batches of one instant between pulls that are killed before any write, over pages of any size, in either order: none is lost or counted twice."""
    with TemporaryDirectory() as folder, SmallLrs(data.draw(st.integers(1, 5)), data.draw(st.booleans())) as lrs:
        master, number, at = Path(folder) / "master", 0, BEGIN
        for _ in range(data.draw(st.integers(1, 3))):
            for _ in range(data.draw(st.integers(0, 4))):
                at += data.draw(st.sampled_from([SECOND, timedelta(hours=3)]))
                many = data.draw(st.integers(1, 4))
                lrs.store(*(statement(number + one) for one in range(many)), at=at)
                number += many
            lrs.links = data.draw(st.booleans()) or lrs.page >= number
            at_once = data.draw(st.integers(1, 6))
            with contextlib.suppress(KilledError, StorageError), dying_after(data.draw(st.integers(1, 15))):
                pulled(lrs, master, at_once)
            lrs.links = True
            pulled(lrs, master, at_once)
        assert set(held(master)) == {one["id"] for one in lrs.held}


def test_a_pull_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    """What is new alone is written, also beside statements that were stored at the same instant."""
    with SmallLrs() as lrs:
        lrs.store(*map(statement, range(8)), at=BEGIN)
        assert pulled(lrs, tmp_path) == 8
        assert pulled(lrs, tmp_path) == 0
        lrs.store(statement(8), at=BEGIN)
        lrs.store(statement(9), at=BEGIN + SECOND)
        assert pulled(lrs, tmp_path) == 2
        assert set(held(tmp_path).values()) == {1}
        assert len(held(tmp_path)) == 10


def test_what_was_stored_late_is_asked_for_again(tmp_path: Path) -> None:
    """A store may show a statement after others that it stored later: within the overlap it is found, and nothing comes twice."""
    with SmallLrs() as lrs:
        lrs.store(*map(statement, range(4)), at=BEGIN + timedelta(hours=2))
        pulled(lrs, tmp_path)
        lrs.store(statement(4), at=BEGIN + timedelta(minutes=90))
        assert pulled(lrs, tmp_path) == 1
        assert set(held(tmp_path).values()) == {1}


def test_the_border_is_where_the_store_says_that_it_is_complete(tmp_path: Path) -> None:
    """Behind it statements may still come, however far back the overlap goes."""
    with SmallLrs(said=BEGIN.isoformat()) as lrs:
        lrs.store(statement(0), at=BEGIN + timedelta(hours=5))
        pulled(lrs, tmp_path, overlap=0)
        lrs.store(statement(1), at=BEGIN + timedelta(hours=1))
        assert pulled(lrs, tmp_path, overlap=0) == 1


def test_since_counts_the_first_time_and_when_it_is_earlier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same command again, as cron gives it, goes on; an earlier time begins there."""
    with SmallLrs() as lrs:
        for number in range(6):
            lrs.store(statement(number), at=BEGIN + number * timedelta(days=1))
        words = ["ingest", "--into", str(tmp_path), "--lrs", lrs.url, "--json", "--since"]
        given = ("2026-03-05", "2026-03-05", "2026-03-06", "2026-03-03", "2026-03-05")
        counts = []
        for since in given:
            assert main([*words, since]) == 0
            counts.append(sum(json.loads(capsys.readouterr().out)["files"][0]["events"].values()))
        assert counts == [3, 0, 0, 4, 0]  # what lies behind the earlier time comes again, and counts once
        assert len(held(tmp_path)) == 5


@pytest.mark.parametrize(
    "fault",
    [(503, {}, b"busy"), (429, {}, b""), (200, {"Content-Length": "900"}, b'{"statements": [{"id'), None],
    ids=["503", "429", "half an answer", "cut"],
)
def test_what_fails_on_the_way_is_asked_again(tmp_path: Path, fault: tuple[int, dict[str, str], bytes] | None) -> None:
    """At the first page and at a further one."""
    with SmallLrs(faults=[fault]) as lrs:
        lrs.store(*map(statement, range(7)), at=BEGIN)
        assert pulled(lrs, tmp_path) == 7
        assert len(lrs.asked) == 4


def test_a_link_that_the_store_forgot_begins_the_walk_again(tmp_path: Path) -> None:
    """A link to a page is kept for a day or so: what came before is there, and counts once."""
    with SmallLrs() as lrs:
        lrs.store(*map(statement, range(9)), at=BEGIN)
        lrs.faults = [lrs.answer("/xAPI/statements", None), (500, {}, b""), (500, {}, b""), (500, {}, b"")]
        assert pulled(lrs, tmp_path, at_once=3) == 9
        assert set(held(tmp_path).values()) == {1}


PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"


@pytest.mark.parametrize(
    ("fault", "told", "code"),
    [
        ((200, {"Content-Type": "text/html"}, PAGE), "answers with a web page (200), not with statements", 1),
        ((404, {"Content-Type": "text/html"}, PAGE), "answers with a web page (404), not with statements", 1),
        ((200, {}, b'{"version": ["1.0.3"]}'), "answers with JSON that holds no statements", 1),
        ((200, {}, b'{"statements": [5]}'), "answers with JSON that holds no statements", 1),
        ((200, {}, b"hello"), "answers with what isn't JSON: hello", 1),
        ((401, {}, b"{}"), "refuses us (401); set LEARNFOLD_LRS_CREDENTIALS", 1),
        ((302, {"Location": "https://other.example/"}, b""), "it sends to https://other.example/", 1),
        ((400, {}, b"no such thing"), "answers 400: no such thing", 1),
        ((200, {}, b'{"statements": [], "more": "https://other.example/xAPI"}'), "nothing is asked there", 1),
    ],
)
def test_what_is_no_store_gets_one_line(
    tmp_path: Path, fault: tuple[int, dict[str, str], bytes], told: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit 1; nothing is written."""
    with SmallLrs(faults=[fault]) as lrs:
        assert main(["ingest", "--into", str(tmp_path), "--lrs", lrs.url]) == code
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert list(tmp_path.rglob("*.*")) == []


def test_pages_without_end_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that leads back to itself."""
    with SmallLrs(faults=[(200, {}, b'{"statements": [], "more": "/xAPI/statements?a=1"}')] * 2) as lrs:
        assert main(["ingest", "--into", str(tmp_path), "--lrs", lrs.url]) == 1
    assert "have no end" in capsys.readouterr().err


def test_a_store_that_is_away_costs_what_is_not_in_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 1 after a while, what came before is kept, and the next command goes on."""
    words = ["ingest", "--into", str(tmp_path), "--flush-events", "3", "--give-up", "0", "--lrs"]
    with SmallLrs() as lrs:
        lrs.store(*map(statement, range(8)), at=BEGIN)
        lrs.faults = [lrs.answer("/xAPI/statements", None), None]
        assert main([*words, lrs.url]) == 1
        assert "what came before is kept" in capsys.readouterr().err
        assert len(held(tmp_path)) == 3
        assert main([*words, lrs.url]) == 0
        assert len(held(tmp_path)) == 8


@pytest.mark.parametrize("by_file", [False, True])
def test_credentials_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, by_file: bool
) -> None:
    """Or from a file that it names; they are in no output and in nothing that is written."""
    if by_file:
        (tmp_path / "secret").write_text("key:hunter2\n")
        monkeypatch.setenv("LEARNFOLD_LRS_CREDENTIALS_FILE", str(tmp_path / "secret"))
    else:
        monkeypatch.setenv("LEARNFOLD_LRS_CREDENTIALS", "key:hunter2")
    with SmallLrs(key="key:hunter2") as lrs:
        lrs.store(statement(0), at=BEGIN)
        assert main(["ingest", "--into", str(tmp_path / "m"), "--lrs", lrs.url]) == 0
    said = capsys.readouterr()
    assert "hunter2" not in said.out + said.err
    assert [file for file in (tmp_path / "m").rglob("*.json") if b"hunter2" in file.read_bytes()] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--lrs", "lrs.example.org/xAPI"], "is no address of an LRS"),
        (["--lrs", "http://key:secret@lrs.example.org/xAPI"], "holds keys; leave them out"),
        (["--lrs", "http://127.0.0.1:9/xAPI", "--from", "caliper"], "an LRS holds xAPI statements; caliper reads"),
        (["--lrs", "http://127.0.0.1:9/xAPI", "--since", "lately"], "--since lately is no time"),
        (["--lrs", "http://127.0.0.1:9/xAPI", "--overlap", "-1"], "--overlap is 0 to"),
        (["--lrs", "http://127.0.0.1:9/xAPI", "--topic", "auth_topic"], "--lrs takes no files"),
        (["--since", "2026-03-01"], "are of --lrs"),
    ],
)
def test_a_pull_that_is_asked_wrongly_is_refused(
    tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With 2, before anything is asked."""
    assert main(["ingest", "--into", str(tmp_path), *words]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert "secret@" not in said


def test_of_two_pulls_at_once_one_ends(tmp_path: Path) -> None:
    """The cursor is moved by whoever read it last."""
    master = FolderStorage(str(tmp_path))
    cursor, tag = read_cursor(master, "https://lrs.example/xAPI/statements")
    write_cursor(master, cursor, tag)
    with pytest.raises(BusyError, match="another pull of"):
        write_cursor(master, Cursor(cursor.lrs), tag)
