"""A full run and one with nothing new, on MinIO beside a folder.

The server is a process of this machine: no network is measured, and
it uses the same cores.

Checked: all 37 views of both against plain SQL over the events.
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench import Bench, Case, expected_views, same_views
from benchmarks.child import ROOT, learnfold, measure
from benchmarks.data import Dataset, data_folder

if TYPE_CHECKING:
    from benchmarks.child import Measured

DATASETS = {"tiny": Dataset(20_000, 10), "small": Dataset(1_000_000), "full": Dataset(10_000_000)}
UPLOADS = 16  # under way at once


def run(bench: Bench) -> None:
    """Time and check both."""
    import pytest

    sys.path.append(str(ROOT / "tests"))
    from services.stack.minio import Minio

    dataset = DATASETS[bench.scale]
    data_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="storage-", dir=data_folder()) as scratch:
        try:
            server = Minio(Path(scratch)).start()
        except pytest.skip.Exception as missing:
            bench.left_out.append(f"MinIO: {missing}")
            return
        with server:
            _run(bench, dataset, server)


def _run(bench: Bench, dataset: Dataset, server: Any) -> None:
    bucket = server.new_bucket()
    store = server.store(bucket)
    files = list(dataset.path.glob("topic=*/**/*.parquet"))
    with ThreadPoolExecutor(UPLOADS) as pool:
        list(pool.map(lambda file: store.put(f"master/{file.relative_to(dataset.path)}", file), files))
    environment = server.aws_environment()
    places = {"folder": str(dataset.path), "MinIO": f"s3://{bucket}/master"}
    cases = []
    for what in ("full run", "nothing new"):
        for place, master in places.items():
            cases.append(_case(dataset, f"{place}: {what}", master, server, environment))
    bench.time(*cases)
    for what in ("full run", "nothing new"):
        bench.ratio(f"{what}: MinIO / folder", f"MinIO: {what}", f"folder: {what}")
    bench.checked.append("all 37 views on both: every row, against plain SQL over the events")


def _case(dataset: Dataset, name: str, master: str, server: Any, environment: dict[str, str]) -> Case:
    new_bucket = []

    def out(folder: Path) -> str:
        return f"s3://{new_bucket[-1]}/views" if master.startswith("s3://") else str(folder / "views")

    def before(folder: Path) -> None:
        new_bucket.append(server.new_bucket())
        if "nothing new" in name:
            measure(learnfold("run", master, out(folder)), environment)

    def check(folder: Path, _: Measured) -> None:
        if master.startswith("s3://"):
            _fetch(server.store(new_bucket[-1], "views"), folder / "views")
        same_views(expected_views(dataset.path, dataset.name), folder / "views")

    return Case(
        name,
        lambda folder: learnfold("run", master, out(folder)),
        dataset.rows,
        dataset.bytes,
        before=before,
        check=check,
        environment=environment,
    )


def _fetch(store: Any, folder: Path) -> None:
    """The plain paths of all views, from the bucket into the folder."""
    for page in store.list():
        for entry in page:
            view, _, name = entry["path"].partition("/")
            if not view.startswith("_") and name.endswith(".parquet"):
                (folder / view).mkdir(parents=True, exist_ok=True)
                (folder / view / name).write_bytes(bytes(store.get(entry["path"]).bytes()))
