"""One benchmark under way: its cases, its checks, its result."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import machine
from benchmarks.child import ROOT, Measured, environment, measure
from benchmarks.data import data_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RESULTS = ROOT / "benchmarks" / "results"
PEERS = ROOT / "benchmarks" / "peers"


class WrongAnswerError(Exception):
    """What was timed gave another answer than it must; its time is worth nothing."""


@dataclass
class Case:
    """One thing that is timed."""

    name: str
    command: Callable[[Path], Sequence[str]]  # given a new folder of its own
    rows: int = 0  # events it deals with
    bytes: int = 0  # of their files
    before: Callable[[Path], object] = lambda _: None  # each time, not timed
    check: Callable[[Path, Measured], object] = lambda _, __: None  # after the last run
    environment: Mapping[str, str] = field(default_factory=dict)
    runs: list[Measured] = field(default_factory=list)

    @property
    def median_seconds(self) -> float:
        """Of all runs."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def median_cpu_seconds(self) -> float:
        """Of the processor, of all runs."""
        return statistics.median(run.cpu_seconds for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        """The largest of all runs."""
        return max(run.peak_bytes for run in self.runs)


LONG_SECONDS = 120.0


@dataclass
class Bench:
    """What a benchmark is asked to do, and what it found so far."""

    name: str
    scale: str  # small, full, or tiny: that only tries whether it works
    runs: int = 3
    cases: list[Case] = field(default_factory=list)
    ratios: dict[str, float] = field(default_factory=dict)
    tables: list[dict[str, Any]] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def time(self, *cases: Case) -> None:
        """Run the cases in turns, so that what else the machine does touches all alike, and check each one's answer.

        A case that took longer than LONG_SECONDS isn't run again: what else the machine does hardly shows in it.

        Raises:
            CommandError: a command failed.
            WrongAnswerError: it gave a wrong answer.
        """
        data_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="run-", dir=data_folder()) as scratch:
            for turn in range(self.runs):
                for number, case in enumerate(cases):
                    if case.runs and case.runs[0].seconds > LONG_SECONDS:
                        continue
                    folder = Path(scratch) / f"{number}"
                    shutil.rmtree(folder, ignore_errors=True)
                    folder.mkdir()
                    case.before(folder)
                    run = measure(case.command(folder), case.environment)
                    case.runs.append(run)
                    took = f"{run.seconds:.2f} s, {run.cpu_seconds:.2f} s of processors, {run.peak_bytes / 1e6:,.0f} MB"
                    print(f"{case.name}: {took}", file=sys.stderr, flush=True)
                    if turn == self.runs - 1 or run.seconds > LONG_SECONDS:
                        case.check(folder, run)
                        shutil.rmtree(folder)
        self.cases += cases

    def case(self, name: str) -> Case:
        """The case of that name."""
        return next(case for case in self.cases if case.name == name)

    def ratio(self, what: str, one: str, other: str) -> None:
        """Note how many times as long ``one`` takes as ``other``."""
        self.ratios[what] = round(self.case(one).median_seconds / self.case(other).median_seconds, 4)

    def cpu_ratio(self, what: str, one: str, other: str) -> None:
        """Note how many times the processor's seconds of ``other`` ``one`` takes: less than time do they show what else runs."""
        ratio = self.case(one).median_cpu_seconds / self.case(other).median_cpu_seconds
        self.ratios[f"{what} (processor seconds)"] = round(ratio, 4)

    def table(self, title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Note what isn't a command's time, as a table."""
        self.tables.append({"title": title, "head": list(head), "rows": [list(row) for row in rows]})

    def result(self) -> dict[str, Any]:
        """What is written to benchmarks/results."""
        return {
            "benchmark": self.name,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": machine.commit(),
            "scale": self.scale,
            "machine": machine.machine(),
            "versions": machine.versions(),
            "cases": [
                {
                    "name": case.name,
                    "rows": case.rows,
                    "bytes": case.bytes,
                    "seconds": [run.seconds for run in case.runs],
                    "median_seconds": round(case.median_seconds, 4),
                    "cpu_seconds": round(case.median_cpu_seconds, 2),
                    "peak_bytes": case.peak_bytes,
                }
                for case in self.cases
            ],
            "ratios": self.ratios,
            "tables": self.tables,
            "checked": self.checked,
            "left_out": self.left_out,
        }

    def write(self) -> Path:
        """The file of the result so far; a tiny one goes beside the data, since it says nothing."""
        folder = data_folder() / "tiny-results" if self.scale == "tiny" else RESULTS
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.name}{'.full' if self.scale == 'full' else ''}.json"
        file.write_text(json.dumps(self.result(), indent=1, ensure_ascii=False) + "\n", "utf-8")
        return file


def same_views(expected: Path, actual: Path) -> None:
    """Nothing, where both folders hold the same 37 views.

    Raises:
        WrongAnswerError: they don't; the message names the views.
    """
    command = [sys.executable, "-m", "benchmarks.answers", str(expected), str(actual)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongAnswerError(f"{actual} isn't what {expected} says:\n{done.stdout}{done.stderr[-2000:]}")


def expected_views(master: Path, name: str, *, keep: bool = True) -> Path:
    """A folder with the 37 views of ``master`` by plain SQL over its events (peers/duckdb_plain.py), kept under that name."""
    target = data_folder() / "expected" / name
    if not keep:
        shutil.rmtree(target, ignore_errors=True)
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.{time.time_ns()}.new")
        unfinished.mkdir(parents=True)
        command = [sys.executable, str(PEERS / "duckdb_plain.py"), str(master), str(unfinished)]
        subprocess.run(command, env=environment(), check=True)
        unfinished.rename(target)
    return target
