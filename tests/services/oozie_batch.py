"""The batch layer as it is deployed to the tests' Oozie."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import oracle
from learnfold import catalog
from learnfold.master.closed_days import DONE
from learnfold.master.file_names import day_folder
from learnfold.storage import Storage
from services.places import ROOT, Place
from services.stack.hadoop import USER
from services.stack.oozie import Oozie
from services.stack.spark import spark_jars

HERE = "--conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.host=127.0.0.1 --conf spark.ui.enabled=false"
ENDED = {"SUCCEEDED", "KILLED", "FAILED", "DONEWITHERROR"}


@dataclass
class Application:
    """What is deployed in a folder of HDFS, reading and writing below one bucket."""

    oozie: Oozie
    place: Place
    folder: str

    @property
    def properties(self) -> dict[str, str]:
        """What differs from job.properties: small, and on this machine alone."""
        return {
            "appPath": f"{self.oozie.name_node}{self.folder}",
            "inputPath": self.place.below("master_dataset", "s3a").url,
            "outputPath": self.place.below("batch_views", "s3a").url,
            "sparkMaster": "local[1]",
            "sparkOptions": HERE,
            "driverMemory": "512m",
            "launcherMemoryMb": "1024",
            "shufflePartitions": "2",
            "defaultParallelism": "2",
        }

    def flags(self, **more: str) -> list[str]:
        """The properties as flags of `oozie job` and of the deployment."""
        return [f"-D{name}={value}" for name, value in {**self.properties, **more}.items()]

    def deploy(self, *flags: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """What deploy_oozie.sh said, of the repository or of a copy."""
        script = (folder or ROOT / "batch_layer") / "deploy_oozie.sh"
        environment = {**os.environ, "PYTHON": sys.executable, "LEARNFOLD_SPARK_JARS": str(spark_jars())}
        command = ["sh", str(script), "--via", "webhdfs", "--user", USER, *self.flags(), *flags]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)

    def put(self, name: str, change: Callable[[str], str]) -> None:
        """Changes a deployed file."""
        path = f"{self.folder}/{name}"
        self.oozie.hdfs.put(path, change(self.oozie.hdfs.read(path).decode()).encode())

    def run(self, words: list[str]) -> str:
        """The id of the job that a command submits."""
        done = self.oozie.cli(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip().removeprefix("job:").strip()

    def workflow_words(self, properties: Path) -> list[str]:
        """`oozie job` for one run of the workflow, whose properties are written to a file."""
        text = (ROOT / "batch_layer" / "oozie" / "job.properties").read_text(encoding="utf-8")
        text = re.sub(r"(?m)^oozie\.coord\..*\n", "", text)
        properties.write_text(f"{text}\noozie.wf.application.path=${{appPath}}\n", encoding="utf-8")
        return ["job", "-config", str(properties), *self.flags()]

    def until(self, job: str, wanted: Callable[[list[str]], bool], timeout_seconds: float = 900) -> list[str]:
        """The statuses of a coordinator's actions, once they are as wanted."""
        end = time.monotonic() + timeout_seconds
        while True:
            found = self.statuses(job)
            if wanted(found) or time.monotonic() > end:
                return found
            time.sleep(0.5)

    def statuses(self, job: str) -> list[str]:
        """Of a coordinator's actions, in order."""
        return [action["status"] for action in self.oozie.info(job)["actions"]]

    def status(self, job: str, wanted: str, timeout_seconds: float = 300) -> str:
        """The job's status, once it is as wanted."""
        end = time.monotonic() + timeout_seconds
        while (found := self.oozie.info(job)["status"]) != wanted and time.monotonic() < end:
            time.sleep(0.5)
        return str(found)


def close(master: Storage, day: date) -> None:
    """Marks the day as closed for every topic, as ingestion does."""
    for topic in catalog.load().topics:
        master.write(f"{day_folder(topic, day)}/{DONE}", b"closed")


def submit_words(said: str) -> list[str]:
    """The command that the deployment printed last, without the program."""
    words = shlex.split(said.strip().splitlines()[-1])
    assert words[0] == "oozie"
    return words[1:]


def actions(found: dict[str, Any]) -> dict[str, str]:
    """The statuses of a workflow's actions by name."""
    return {action["name"]: action["status"] for action in found["actions"]}


def unequal(expected: Storage, actual: Storage) -> list[str]:
    """How the views at the plain paths differ, in columns, types or rows; which engine wrote them is no difference."""
    found, names = [], list(catalog.load().views)
    paths = [f"{name}/part-00000.parquet" for name in names]
    with expected.local(paths) as old, actual.local(paths) as new:
        for name, one, other in zip(names, old, new, strict=True):
            before, after = pq.read_table(one), pq.read_table(other)
            columns = [[(field.name, field.type) for field in table.schema] for table in (before, after)]
            if columns[0] != columns[1]:
                found.append(f"{name}: {columns[0]} became {columns[1]}")
            found += [
                f"{name}: {line}"
                for line in oracle.same(before.to_pylist(), after.to_pylist(), catalog.load().view(name).key)
            ]
    return found
