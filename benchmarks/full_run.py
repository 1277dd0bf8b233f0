"""A full run, all 37 views, nothing reused: 1 and 10 million flat events, 10 million as Kafka messages; 100 million at full scale.

Checked against plain SQL over the same events, all views, every row.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, Case, expected_views, same_views
from benchmarks.child import Measured, learnfold
from benchmarks.data import Dataset, data_folder

if TYPE_CHECKING:
    from pathlib import Path

DATASETS = {
    "tiny": [Dataset(20_000, 10), Dataset(20_000, 10, "envelope")],
    "small": [Dataset(1_000_000), Dataset(10_000_000), Dataset(10_000_000, shape="envelope")],
    "full": [Dataset(1_000_000), Dataset(10_000_000), Dataset(10_000_000, shape="envelope"), Dataset(100_000_000)],
}
BYTES_A_EVENT = 150
"""About so much room an event takes with its views; looked at before 100 million are made up."""


def run(bench: Bench) -> None:
    """Time and check each dataset."""
    for dataset in DATASETS[bench.scale]:
        data_folder().mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(data_folder()).free
        if free < dataset.events * BYTES_A_EVENT:
            bench.left_out.append(f"{dataset.name}: {free:,} bytes free in {data_folder().name}/ are too few")
            continue
        bench.time(full_run(dataset))
    bench.checked.append("all 37 views of each dataset: every row, against plain SQL over the events")


def full_run(dataset: Dataset, name: str = "") -> Case:
    """``learnfold run`` of the dataset into a new folder."""

    def check(folder: Path, _: Measured) -> None:
        same_views(expected_views(dataset.path, dataset.name), folder / "views")

    return Case(
        name or f"{dataset.events:,} {'messages' if dataset.shape == 'envelope' else 'flat events'}",
        lambda folder: learnfold("run", dataset.path, folder / "views", "--json"),
        dataset.rows,
        dataset.bytes,
        check=check,
    )
