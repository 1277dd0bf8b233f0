"""A full run, all 37 views, nothing reused: 1 and 10 million flat events, 10 million as Kafka messages; 100 million at full scale.

Each but the largest is there a second time with copies, late and malformed events, in turns with the clean one: what a fold costs on
clean events alone misleads. Checked against plain SQL over the same events, all views, every row; of dirty ones over the valid
events, each once, and the copies and malformed rows that were counted against those that were made up.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, Case, WrongAnswerError, expected_views, same_views
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
    """Time and check each dataset, the clean and the dirty one in turns."""
    for dataset in DATASETS[bench.scale]:
        data_folder().mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(data_folder()).free
        pair = dataset.both
        if free < sum(each.events for each in pair) * BYTES_A_EVENT:
            bench.left_out.append(f"{dataset.name}: {free:,} bytes free in {data_folder().name}/ are too few")
            continue
        bench.time(*map(full_run, pair))
        if len(pair) > 1:
            bench.ratio(f"{pair[1].shown} / clean", pair[1].shown, dataset.shown)
    bench.checked.append(
        "all 37 views of each dataset: every row, against plain SQL over the events (of dirty ones: the valid ones, each once);"
        " the copies and malformed rows that were counted, against those that were made up"
    )


def full_run(dataset: Dataset, name: str = "") -> Case:
    """``learnfold run`` of the dataset into a new folder."""

    def check(folder: Path, done: Measured) -> None:
        same_views(expected_views(dataset.clean.path, dataset.clean.name), folder / "views")
        if dataset.dirty:
            same_dirt(dataset, done)

    return Case(
        name or dataset.shown,
        lambda folder: learnfold("run", dataset.path, folder / "views", "--json"),
        dataset.rows,
        dataset.bytes,
        check=check,
    )


def same_dirt(dataset: Dataset, done: Measured) -> None:
    """Nothing, where a run of it (with ``--json``) counted the copies and malformed rows that are in the dataset.

    Raises:
        WrongAnswerError: it didn't; the message names the topics.
    """
    topics = json.loads(done.output)["topics"]
    found = {name: (topic["duplicates"], sum(topic["quarantined"].values())) for name, topic in topics.items()}
    wrong = [name for name, counts in dataset.counted().items() if found.get(name, (0, 0)) != counts]
    if wrong:
        raise WrongAnswerError(
            f"copies and malformed rows of {', '.join(wrong)} in {dataset.name} weren't counted right"
        )
