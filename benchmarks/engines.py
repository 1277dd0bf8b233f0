"""A full run by Spark local[2] alone, by Spark with DuckDB in the driver, by DuckDB, and by tuned PySpark; and one more day by ours.

Checked: the peers' 37 views of each against plain SQL over the events.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, Case, expected_views, same_views
from benchmarks.child import learnfold, measure
from benchmarks.data import Dataset, days_of, link_days
from benchmarks.peers import NAMES, peer

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.child import Measured

DATASETS = {"tiny": Dataset(20_000, 10), "small": Dataset(1_000_000), "full": Dataset(10_000_000)}
SPARK = {
    "LEARNFOLD_ENGINE": "spark",
    "LEARNFOLD_SPARK_MASTER": "local[2]",
    "LEARNFOLD_SHUFFLE_PARTITIONS": "8",
    "LEARNFOLD_DRIVER_MEMORY": "4g",
}
TUNED = "pyspark_tuned"
ENGINES = {
    "DuckDB": {"LEARNFOLD_ENGINE": "duckdb"},
    "auto": {**SPARK, "LEARNFOLD_ENGINE": "auto"},
    "Spark folds, DuckDB refreshes": {**SPARK, "LEARNFOLD_DRIVER_EVENTS": "0"},
    "Spark alone": {**SPARK, "LEARNFOLD_DRIVER_EVENTS": "0", "LEARNFOLD_DRIVER_ROWS": "0"},
}


def run(bench: Bench) -> None:
    """Time and check each."""
    if not importlib.util.find_spec("pyspark"):
        bench.left_out.append("Spark: pyspark isn't installed")
        return
    dataset, tuned = DATASETS[bench.scale], f"{NAMES[TUNED]}: full run"
    full = [_full(dataset, engine, settings) for engine, settings in ENGINES.items()]
    bench.time(*full, peer(dataset, tuned, TUNED))
    bench.time(*(_day(dataset, engine, settings) for engine, settings in ENGINES.items()))
    for engine in ENGINES:
        for ratio in (bench.ratio, bench.cpu_ratio):
            ratio(f"full run: {engine} / {NAMES[TUNED]}", f"{engine}: full run", tuned)
            ratio(f"{engine}: one more day / full run", f"{engine}: one more day", f"{engine}: full run")
    bench.checked.append("the peers' 37 views of each: every row, against plain SQL over the events")


def _full(dataset: Dataset, engine: str, settings: dict[str, str]) -> Case:
    return Case(
        f"{engine}: full run",
        lambda folder: learnfold("run", dataset.path, folder / "views"),
        dataset.rows,
        dataset.bytes,
        check=lambda folder, _: same_views(expected_views(dataset.path, dataset.name), folder / "views"),
        environment=settings,
    )


def _day(dataset: Dataset, engine: str, settings: dict[str, str]) -> Case:
    """The last day on all others, which were run by the same engine."""
    days = days_of(dataset.path)

    def before(folder: Path) -> None:
        link_days(dataset.path, folder / "master", days[:-1])
        measure(learnfold("run", folder / "master", folder / "views"), settings)
        link_days(dataset.path, folder / "master", days[-1:])

    def check(folder: Path, _: Measured) -> None:
        same_views(expected_views(dataset.path, dataset.name), folder / "views")

    return Case(
        f"{engine}: one more day",
        lambda folder: learnfold("run", folder / "master", folder / "views"),
        dataset.rows,
        dataset.bytes,
        before=before,
        check=check,
        environment=settings,
    )
