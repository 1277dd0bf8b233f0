"""What it costs to start: ``learnfold --help``, and a run on 1,000 events; beside them Python itself, doing nothing.

Checked: help lists every command; the run's views against plain SQL over the events.
"""

from __future__ import annotations

import sys

from benchmarks.bench import Bench, Case, WrongAnswerError
from benchmarks.child import Measured, learnfold
from benchmarks.data import Dataset
from benchmarks.full_run import full_run

TIMES = 4
"""So many times as many runs: a tenth of a second is easily disturbed."""


def run(bench: Bench) -> None:
    """Time and check all three."""
    bench.runs *= TIMES
    bench.time(
        Case("python -c pass", lambda _: [sys.executable, "-c", "pass"]),
        Case("learnfold --help", lambda _: learnfold("--help"), check=_check_help),
        full_run(Dataset(1_000, 10), "run on 1,000 events"),
    )
    bench.checked.append("help names every command; all 37 views of the run against plain SQL over the events")


def _check_help(_: object, done: Measured) -> None:
    from learnfold.cli import COMMANDS

    missing = [name for name in COMMANDS if name not in done.output]
    if missing:
        raise WrongAnswerError(f"learnfold --help says nothing of {', '.join(missing)}")
