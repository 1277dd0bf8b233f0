"""Runs everything that is claimed, in parts, and says at the end what it cost: in all, by part, and the ten slowest tests.

Real services on a small machine have bad moments: tests that failed are tried once more, alone; failing twice is failing, and
what passed only then is named. A part that ended in any other way (interrupted, nothing collected, a crash of pytest itself)
isn't tried again, since tests may be missing that never ran. The first part that fails ends the run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS_FAILED = 1
"""pytest's exit code where all tests ran and some failed."""

INTERRUPTED = 130
_MINUTE = 60
SLOWEST = 10


@dataclass(frozen=True)
class Part:
    """A step of the run: a target of the Makefile, or, where ``options`` are given, a call of pytest."""

    name: str
    options: tuple[str, ...] = ()


PARTS = (
    Part("lint"),
    Part("types"),
    Part("tests", ("-n", "2", "--dist", "loadgroup", "-m", "not services and not oozie")),
    Part("services", ("-n", "2", "--dist", "loadfile", "-m", "services and not oozie")),
    Part("oozie", ("-m", "oozie")),
)


@dataclass
class Cost:
    """What a part cost in seconds, its tests by phase, and the tests that passed only when they were tried again."""

    part: str
    seconds: float = 0.0
    tests: dict[str, dict[str, float]] = field(default_factory=dict)
    passed_again: list[str] = field(default_factory=list)


def run_part(part: Part, folder: Path = ROOT) -> tuple[int, Cost]:
    """The part's exit code and its cost."""
    began = time.monotonic()
    cost = Cost(part.name)
    code = _pytest(part, folder, cost) if part.options else _call([os.environ.get("MAKE", "make"), part.name], folder)
    cost.seconds = time.monotonic() - began
    return code, cost


def _pytest(part: Part, folder: Path, cost: Cost) -> int:
    """Its exit code, after what failed was tried once more."""
    base = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir=.pytest_cache/{part.name}"]
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "cost.json"
        code = _call([*base, "--cache-clear", "--cost", str(file), *part.options], folder)
        first = _read(file)
        cost.tests = first["seconds"]
        if code != TESTS_FAILED or not first["failed"]:
            return code
        print(f"{len(first['failed'])} failed: tried once more, alone", flush=True)
        file.unlink()
        code = _call([*base, "--last-failed", "--last-failed-no-failures", "none", "--cost", str(file)], folder)
        again = _read(file)
        cost.passed_again = sorted(set(again["seconds"]) & set(first["failed"]) - set(again["failed"]))
    return code


def _call(command: list[str], folder: Path) -> int:
    return subprocess.run(command, cwd=folder, check=False).returncode  # noqa: S603 - a command of this file


def _read(file: Path) -> dict:
    """What pytest wrote; nothing where it died before."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"seconds": {}, "failed": []}


def report(costs: list[Cost]) -> str:
    """What the run cost, for people."""
    lines = ["", f"What this run cost: {_time(sum(cost.seconds for cost in costs))}"]
    lines += [f"  {_time(cost.seconds):>8}  {cost.part}{_count(cost)}" for cost in costs]
    tests = {name: phases for cost in costs for name, phases in cost.tests.items()}
    if slowest := sorted(tests, key=lambda name: -sum(tests[name].values()))[:SLOWEST]:
        lines += ["", "The slowest tests (in brackets: of it, before the test began)"]
        lines += [
            f"  {sum(tests[name].values()):6.1f} s ({tests[name].get('setup', 0.0):5.1f} s)  {name}" for name in slowest
        ]
    if again := [name for cost in costs for name in cost.passed_again]:
        lines += ["", "Passed only when tried once more", *(f"  {name}" for name in again)]
    return "\n".join(lines)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < _MINUTE else f"{seconds // _MINUTE:.0f}:{seconds % _MINUTE:02.0f} min"


def _count(cost: Cost) -> str:
    return f" ({len(cost.tests)} tests)" if cost.tests else ""


def main() -> int:
    """The exit code of the first part that failed, else 0."""
    costs: list[Cost] = []
    code = 0
    try:
        for part in PARTS:
            code, cost = run_part(part)
            costs.append(cost)
            if code:
                print(f"{part.name} failed", flush=True)
                break
    except KeyboardInterrupt:
        code = INTERRUPTED
    print(report(costs), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
