"""A real broker's backlog into files, on one core; files into the master dataset; compaction.

The broker has a core of its own where there are two, and the ingestion one. It is timed from the start of its process to its end:
start-up, joining the group, reading all there is, checking, writing, moving the progress. The topics have three partitions each.

Checked: all 37 views of what was written, against plain SQL over the same events.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench import Bench, Case, WrongAnswerError, expected_views, same_views
from benchmarks.child import ROOT, learnfold, measure
from benchmarks.data import Dataset, data_folder

if TYPE_CHECKING:
    from benchmarks.child import Measured

DATASETS = {
    "tiny": (Dataset(20_000, 5), Dataset(20_000, 2)),
    "small": (Dataset(2_000_000, 90), Dataset(2_000_000, 4)),
    "full": (Dataset(10_000_000, 90), Dataset(10_000_000, 4)),
}
"""A backlog of many days, of which every flush holds many, and one of few days, as they are when ingestion keeps up."""


def run(bench: Bench) -> None:
    """Time and check all."""
    import pytest

    sys.path.append(str(ROOT / "tests"))
    from services.stack.kafka import Kafka

    data_folder().mkdir(parents=True, exist_ok=True)
    for dataset in DATASETS[bench.scale]:
        with tempfile.TemporaryDirectory(prefix="ingest-", dir=data_folder()) as scratch:
            try:
                broker = Kafka(Path(scratch)).start()
            except pytest.skip.Exception as missing:
                bench.left_out.append(f"Kafka: {missing}")
                return
            with broker:
                _pin(broker.pid)
                _from_kafka(bench, dataset, broker)
    bench.checked.append("all 37 views of what was written: every row, against plain SQL over the events")


def _from_kafka(bench: Bench, dataset: Dataset, broker: Any) -> None:
    environment = {"LEARNFOLD_KAFKA_SERVERS": broker.bootstrap_servers}
    measure(learnfold("generate", "--to-kafka", "--events", dataset.events, "--days", dataset.days), environment)
    what = f"{dataset.days} days"
    master = data_folder() / f"ingested-{os.getpid()}"

    def check(folder: Path, measured: Measured) -> None:
        told = json.loads(measured.output)
        if sum(told["events"].values()) != dataset.rows or told["quarantined"]:
            raise WrongAnswerError(
                f"{told['events']} of {dataset.rows} events were ingested, {told['quarantined']} refused"
            )
        _check_views(dataset, folder / "master", folder)
        shutil.copytree(folder / "master", master)

    ingest = Case(
        f"Kafka to files, one core: {what}",
        lambda folder: [
            *one_core(),
            *learnfold(
                "ingest", "--into", folder / "master", "--once", "--json", "--group", folder.name, "--threads", 1
            ),
        ],
        dataset.rows,
        dataset.bytes,
        check=check,
        environment=environment,
    )
    try:
        bench.time(ingest)
        bench.time(_compaction(dataset, master, what))
    finally:
        shutil.rmtree(master, ignore_errors=True)


def _compaction(dataset: Dataset, master: Path, what: str) -> Case:
    """All days' files put together."""

    def check(folder: Path, _: Measured) -> None:
        measure(learnfold("compact", folder / "master", "--grace-minutes", 0))  # the old files go
        _check_views(dataset, folder / "master", folder)

    files = list(master.glob("topic=*/**/*.parquet"))
    return Case(
        f"compaction: {what}",
        lambda folder: learnfold("compact", folder / "master", "--before", "2100-01-01"),
        dataset.rows,
        sum(file.stat().st_size for file in files),
        before=lambda folder: shutil.copytree(master, folder / "master"),
        check=check,
    )


def _check_views(dataset: Dataset, master: Path, folder: Path) -> None:
    measure(learnfold("run", master, folder / "views"))
    same_views(expected_views(dataset.path, dataset.name), folder / "views")


def one_core() -> list[str]:
    """What keeps a command on the machine's last core, where that can be."""
    program = shutil.which("taskset")
    return [program, "-c", str(max(os.sched_getaffinity(0)))] if program else []


def _pin(pid: int) -> None:
    """Keeps a process and its threads off the last core, where there is another."""
    cores = os.sched_getaffinity(0)
    if len(cores) > 1:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                os.sched_setaffinity(int(task.name), cores - {max(cores)})
