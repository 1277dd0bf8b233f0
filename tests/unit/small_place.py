"""A small master dataset and the views of it, for tests of what operators do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from learnfold import catalog
from learnfold.batch.context import Workspace
from learnfold.batch.manifest import Manifest, read_current
from learnfold.batch.request import RunRequest
from learnfold.batch.run import RunReport, run
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage


@dataclass
class Place:
    """A folder with a master dataset and an output."""

    root: Path
    files: int = 0

    @property
    def master(self) -> Path:
        return self.root / "master"

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def storage(self) -> FolderStorage:
        return FolderStorage(str(self.out))

    def workspace(self, settings: Settings | None = None) -> Workspace:
        """The output as library calls know it."""
        return Workspace(self.storage, catalog.load(), settings or Settings())

    def watch(self, day: int, *viewers: str, seconds: int = 60, **more: object) -> Path:
        """Adds a file: on a day of December, each of the viewers watched the video ``v``."""
        rows = [
            {
                "event_id": f"{self.files}-{place}",
                "event_type": "VIDEO_WATCHED",
                "user_id": viewer,
                "timestamp": f"2025-12-{day:02d} 10:00:00",
                "video_id": "v",
                "course_id": "c",
                "watch_duration_seconds": seconds,
                **more,
            }
            for place, viewer in enumerate(viewers)
        ]
        return self.add("video_topic", pa.Table.from_pylist(rows), f"year=2025/month=12/day={day:02d}")

    def add(self, topic: str, table: pa.Table, folder: str = "", name: str = "") -> Path:
        """Adds a file of any content."""
        path = self.master / f"topic={topic}" / folder / (name or f"part-{self.files:05d}.parquet")
        self.files += 1
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        return path

    def run(self, *jobs: str, settings: Settings | None = None, **more: object) -> RunReport:
        """A run as a library call; of the video job unless told otherwise."""
        request = RunRequest(str(self.master), str(self.out), jobs or ("video",), **more)  # type: ignore[arg-type]
        return run(request, catalog.load(), settings or Settings())

    def current(self) -> Manifest:
        """The published batch."""
        manifest, _ = read_current(self.storage)
        assert manifest is not None
        return manifest

    def viewers(self) -> set[str]:
        """Who has a row in the view at its plain path."""
        return {row["user_id"] for row in self.rows("video_total_watch_time")}

    def rows(self, view: str) -> list[dict[str, object]]:
        """A view's rows at its plain path."""
        return pq.read_table(self.out / view / "part-00000.parquet").to_pylist()

    def names(self) -> set[str]:
        """Every file below the output."""
        return {path.relative_to(self.out).as_posix() for path in self.out.rglob("*") if path.is_file()}


def learnfold(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    command = [sys.executable, "-m", "learnfold", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **environment}
    )


def data(*words: object) -> dict[str, object]:
    """What a command that ends well prints as JSON."""
    result = learnfold(*words, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
