"""Peers on the same events in the same run, in turns, and the floor.

They are PySpark in the seed's manner, PySpark tuned, plain DuckDB SQL, Polars; the floor reads the needed columns and does nothing
else with them.

Each peer's 37 views are checked against learnfold's, and learnfold's against plain SQL; the floor must have read every row. The peers
trust the events: only learnfold looks for copies, checks every field, and keeps what makes the next run cheap.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.bench import PEERS, Bench, Case, WrongAnswerError, expected_views, same_views
from benchmarks.data import Dataset
from benchmarks.full_run import full_run

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.child import Measured

DATASETS = {
    "tiny": [Dataset(20_000, 10), Dataset(20_000, 10, "envelope")],
    "small": [Dataset(1_000_000), Dataset(1_000_000, shape="envelope")],
    "full": [Dataset(10_000_000), Dataset(10_000_000, shape="envelope")],
}
NEEDS = {"pyspark_seed": "pyspark", "pyspark_tuned": "pyspark", "duckdb_plain": "duckdb", "polars_lazy": "polars"}
"""The peers, slowest first, and the package that each needs."""
NAMES = {
    "pyspark_seed": "PySpark, the seed's manner",
    "pyspark_tuned": "PySpark, tuned",
    "duckdb_plain": "DuckDB, plain SQL",
    "polars_lazy": "Polars, lazy and streaming",
}


def run(bench: Bench) -> None:
    """Time and check all on each dataset."""
    present = [peer for peer, package in NEEDS.items() if importlib.util.find_spec(package)]
    bench.left_out += [
        f"{NAMES[peer]}: {package} isn't installed" for peer, package in NEEDS.items() if peer not in present
    ]
    bench.checked.append("all 37 views of each: every row, against plain SQL over the events; the floor: the rows read")
    for dataset in DATASETS[bench.scale]:
        shape = f"{dataset.events:,} {'messages' if dataset.shape == 'envelope' else 'flat events'}"
        ours, floor = f"{shape}: learnfold", f"{shape}: the floor"
        peers = {f"{shape}: {NAMES[peer]}": peer for peer in present}
        cases = [peer(dataset, name, script) for name, script in peers.items()]
        bench.time(*cases, full_run(dataset, ours), _floor(dataset, floor))
        for name in peers:
            bench.ratio(f"{name} / learnfold", name, ours)
        bench.ratio(f"{shape}: learnfold / the floor", ours, floor)
        bench.write()  # the next may take an hour


def peer(dataset: Dataset, name: str, script: str) -> Case:
    """A peer's full run of the dataset into a new folder."""
    expected = partial(expected_views, dataset.path, dataset.name)
    return Case(
        name,
        lambda folder: [sys.executable, str(PEERS / f"{script}.py"), str(dataset.path), str(folder)],
        dataset.rows,
        dataset.bytes,
        check=lambda folder, _: same_views(expected(), folder),
    )


def _floor(dataset: Dataset, name: str) -> Case:
    def check(_: Path, done: Measured) -> None:
        if int(done.output) != dataset.rows:
            raise WrongAnswerError(f"the floor read {int(done.output):,} of {dataset.rows:,} rows")

    command = [sys.executable, str(PEERS / "floor.py"), str(dataset.path)]
    return Case(name, lambda _: command, dataset.rows, dataset.bytes, check=check)
