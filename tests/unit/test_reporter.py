"""One reporter: progress on a terminal, lines for finished work, problems; as text or as JSON, with the run's id in each."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from seen import watched, write

from learnfold.cli import main
from learnfold.telemetry.reporter import Reporter, TerminalReporter


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_lines_are_names_and_values_in_order() -> None:
    """What holds a space is quoted, a float has three places, None is left out."""
    stream = io.StringIO()
    reporter = TerminalReporter(stream, lines=True)
    reporter.log("flush", events=3, seconds=1.23456, why='a "b" c', lag=None)
    assert re.fullmatch(
        r'time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ event=flush events=3 seconds=1\.235 why="a \\"b\\" c"\n',
        stream.getvalue(),
    )


def test_lines_and_problems_are_json_if_asked_for() -> None:
    """One object a line, numbers as numbers, with the run's id; no progress between them even on a terminal."""
    stream = Terminal()
    reporter = TerminalReporter(stream, log_format="json")
    reporter.run_id = "r1"
    reporter.step("folding", "x")
    reporter.log("flush", events=3, why="two\nlines", lag=None)
    reporter.problem("disk is slow")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert {name: value for name, value in first.items() if name != "time"} == {
        "event": "flush",
        "run": "r1",
        "events": 3,
        "why": "two\nlines",
    }
    assert (second["event"], second["run"], second["message"]) == ("problem", "r1", "disk is slow")


def test_without_lines_only_problems_are_told() -> None:
    """And progress on a terminal, which a problem clears first."""
    plain, terminal = io.StringIO(), Terminal()
    for stream in (plain, terminal):
        reporter = TerminalReporter(stream)
        reporter.step("folding", "x")
        reporter.log("flush", events=3)
        reporter.problem("disk is slow")
    assert plain.getvalue() == "disk is slow\n"
    assert terminal.getvalue() == "\r\x1b[Kfolding x\r\x1b[Kdisk is slow\n"


def test_a_line_that_repeats_is_told_rarely() -> None:
    """The same fields once in the time given; other fields are another line."""
    stream = io.StringIO()
    reporter = TerminalReporter(stream, lines=True)
    for why in ("a", "a", "b", "a"):
        reporter.log_rarely("waiting", why=why)
    reporter.log_rarely("waiting", 0.0, why="a")
    assert [line.rpartition("=")[2] for line in stream.getvalue().splitlines()] == ["a", "b", "a"]


def test_phases_are_added_up_by_job() -> None:
    """Also when they end by an error."""
    reporter = Reporter()
    for _ in range(2):
        with pytest.raises(ValueError, match="x"), reporter.phase("fold", "video"):
            raise ValueError("x")
    with reporter.phase("plan"):
        pass
    assert set(reporter.phases) == {("video", "fold"), ("", "plan")}
    assert all(seconds >= 0 for seconds in reporter.phases.values())


@pytest.mark.parametrize("how", ["json", "text"])
def test_a_run_tells_of_its_finished_work(how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was planned, each job, what was published; every line with the id of the run, and another run has another."""
    write(tmp_path / "master", "video_topic", watched(5))
    command = ["run", str(tmp_path / "master"), str(tmp_path / "out"), "--job", "video", "--log-format", how]
    ids = []
    for expected in (["planned", "refreshed", "published"], ["planned", "nothing_new"]):
        assert main(command) == 0
        lines = capsys.readouterr().err.splitlines()
        pairs = r'(\w+)=("[^"]*"|\S+)'
        found = [json.loads(line) if how == "json" else dict(re.findall(pairs, line)) for line in lines]
        assert [line["event"] for line in found] == expected
        (run_id,) = {line["run"] for line in found}
        ids.append(run_id)
    assert ids[0] != ids[1]


def test_a_run_that_fails_says_why_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the command's own message is a line of the same form, with the id of the same run."""
    assert main(["run", str(tmp_path / "none"), str(tmp_path / "out"), "--log-format", "json"]) == 1
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["event"], second["event"]) == ("failed", "error")
    assert "no master dataset" in first["why"]
    assert second["message"].startswith(first["why"])
    assert first["run"] == second["run"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["run", "in", "out", "--from", "2025-12-02", "--to", "2025-12-01"], 2),
        (["compact", "nowhere"], 1),
        (["verify", "nowhere", "--files"], 1),
        (["erase", "u1", "nowhere", "views"], 1),
    ],
)
def test_a_command_that_is_refused_says_so_in_json_too(
    command: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line is an object with an id, whether a run began or not; a command without log lines says it as always."""
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--log-format", "json"]) == code
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines[-1]["event"] == "error"
    assert len({line["run"] for line in lines}) == 1
    monkeypatch.setenv("LEARNFOLD_LOG_FORMAT", "json")
    assert main(["status", "nowhere", "--last", "0"]) == 2
    assert capsys.readouterr().err.startswith("learnfold: ")
