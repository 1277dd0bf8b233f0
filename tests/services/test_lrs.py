"""Statements out of a real learning record store: all of them, each once, whoever is stopped or killed midway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from learnfold.cli import main
from services.ingesting import wait_for
from services.stack.ralph import KEY, SECRET, Ralph
from unit.small_lrs import statement

pytestmark = [pytest.mark.services, pytest.mark.slow]

PAGE, MANY = 10, 500


@pytest.fixture
def ralph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ralph]:
    """A store that gives pages of ten."""
    monkeypatch.setenv("LEARNFOLD_LRS_CREDENTIALS", f"{KEY}:{SECRET}")
    with Ralph(tmp_path / "ralph", PAGE) as store:
        yield store


def told(first: int, count: int, ago: timedelta = timedelta()) -> list[dict[str, Any]]:
    """Statements of now, or of a while ago."""
    begin = datetime.now(UTC) - ago
    times = ((begin + timedelta(milliseconds=number)).isoformat() for number in range(count))
    return [statement(first + number) | {"timestamp": time} for number, time in enumerate(times)]


def held(master: Path) -> Counter[str]:
    """The events in the master dataset by their ids, and how often each is there."""
    files = master.rglob("topic=*/**/*.parquet")
    return Counter(
        str(one) for file in files for one in pq.read_table(file, columns=["event_id"])["event_id"].to_pylist()
    )


def at(master: Path) -> int:
    """How many statements the cursor says are in."""
    found = list(master.glob("_lrs/*.json"))
    return int(json.loads(found[0].read_text())["statements"]) if found else 0


def test_a_real_store_is_pulled_whoever_is_stopped_or_killed(ralph: Ralph, tmp_path: Path) -> None:
    """Its store stopped and started again, the pull killed and started again: each statement is one event, once."""
    master, words = tmp_path / "master", ["ingest", "--into", str(tmp_path / "master"), "--lrs", ralph.url]
    ralph.post(told(0, MANY))
    slowly = [*words, "--flush-events", str(PAGE), "--give-up", "300", "--log-format", "text"]
    log = tmp_path / "pull.log"
    with log.open("w") as file:
        pull = subprocess.Popen([sys.executable, "-m", "learnfold", *slowly], env=os.environ, stderr=file)
    try:
        wait_for(lambda: at(master) >= 2 * PAGE)
        ralph.stop()
        wait_for(lambda: "event=waiting" in log.read_text())
        before = at(master)
        assert before < MANY
        ralph.start()
        wait_for(lambda: at(master) > before)
    finally:
        pull.kill()
        pull.wait()
    assert at(master) < MANY
    assert main(words) == 0
    assert at(master) == MANY
    assert held(master) == Counter({one["id"]: 1 for one in told(0, MANY)})


def test_what_a_real_store_gets_later_is_pulled_later(
    ralph: Ralph, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also of half an hour before: Ralph compares with the statement's own time, and the overlap is an hour."""
    words = ["ingest", "--into", str(tmp_path / "master"), "--lrs", ralph.url, "--json"]
    ralph.post(told(0, 25))
    counts = []
    for later in ([], told(25, 5, timedelta(minutes=30)), told(30, 5)):
        ralph.append(later, datetime.now(UTC).isoformat())
        assert main(words) == 0
        counts.append(sum(json.loads(capsys.readouterr().out)["files"][0]["events"].values()))
    assert counts == [25, 5, 5]
    assert set(held(tmp_path / "master").values()) == {1}


def test_a_real_store_refuses_a_wrong_key(
    ralph: Ralph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that says what to set, and exit 1; so does another page of the same server."""
    monkeypatch.setenv("LEARNFOLD_LRS_CREDENTIALS", f"{KEY}:wrong")
    assert main(["ingest", "--into", str(tmp_path / "master"), "--lrs", ralph.url]) == 1
    assert "refuses us (401); set LEARNFOLD_LRS_CREDENTIALS" in capsys.readouterr().err
    page = ralph.url.replace("/xAPI", "/docs")
    assert main(["ingest", "--into", str(tmp_path / "master"), "--lrs", page]) == 1
    assert "/docs/statements answers 404" in capsys.readouterr().err
