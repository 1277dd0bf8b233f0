"""The events that benchmarks run on, made up once and kept in benchmarks/data, or where LEARNFOLD_BENCH_DATA says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.child import ROOT, CommandError, environment, learnfold

DIRT = ("--duplicates", "0.005", "--late", "0.01", "--malformed", "0.0005")
"""What real events are like: some come twice, some after their day, some are none."""
DIRTY_UP_TO = 11_000_000
"""More events than so many aren't made up a second time, for their room."""


@dataclass(frozen=True)
class Dataset:
    """A master dataset made by ``learnfold generate``: the same values are the same events everywhere."""

    events: int
    days: int = 90
    shape: str = "flat"
    dirty: bool = False  # with copies, late events and malformed ones, in the shares of DIRT

    @property
    def name(self) -> str:
        """Its folder's name, and what it is called in results."""
        return f"{'dirty-' if self.dirty else ''}{self.shape}-{self.events}-{self.days}d"

    @property
    def clean(self) -> Dataset:
        """The same valid events, each once: what is right for it is right for the dirty one."""
        return replace(self, dirty=False)

    @property
    def shown(self) -> str:
        """What its events are called where a case is named after them."""
        return f"{self.events:,} {'dirty ' if self.dirty else ''}{'messages' if self.shape == 'envelope' else 'flat events'}"

    @property
    def both(self) -> list[Dataset]:
        """Itself and its dirty sibling, if there is room for that."""
        return [self, replace(self, dirty=True)] if self.events <= DIRTY_UP_TO else [self]

    def counted(self) -> dict[str, tuple[int, int]]:
        """By topic, the copies and the malformed rows in it, as those know who made them up."""
        counts = json.loads((self.path / "_truth.json").read_text("utf-8"))["counts"]
        return {topic: (count["duplicates"], sum(count["malformed"].values())) for topic, count in counts.items()}

    @property
    def path(self) -> Path:
        """Where it lies, made first if it isn't there."""
        target = data_folder() / self.name
        if not target.exists():
            unfinished = target.with_name(f"{target.name}.new")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.parent.mkdir(parents=True, exist_ok=True)
            command = learnfold(
                *(
                    "generate",
                    unfinished,
                    "--events",
                    self.events,
                    "--days",
                    self.days,
                    "--shape",
                    self.shape,
                    "--json",
                ),
                *(DIRT if self.dirty else ()),
            )
            done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
            if done.returncode:
                raise CommandError(f"{' '.join(command)}:\n{done.stderr}")
            (unfinished / "_made.json").write_text(done.stdout, "utf-8")
            shutil.rmtree(data_folder() / "expected" / self.name, ignore_errors=True)  # of events that were here before
            unfinished.rename(target)
        return target

    @property
    def rows(self) -> int:
        """Events in it."""
        return int(json.loads((self.path / "_made.json").read_text("utf-8"))["rows"])

    @property
    def bytes(self) -> int:
        """Of its Parquet files together."""
        return sum(file.stat().st_size for file in self.path.glob("topic=*/**/*.parquet"))


def data_folder() -> Path:
    """Where events are kept between benchmarks."""
    return Path(os.environ.get("LEARNFOLD_BENCH_DATA") or ROOT / "benchmarks" / "data").absolute()


def link_days(source: Path, target: Path, days: list[str]) -> None:
    """Put these days' files of all topics into ``target`` too, as hard links: the same files, with no copying."""
    for day in days:
        for folder in source.glob(f"topic=*/{day}"):
            there = target / folder.relative_to(source)
            there.mkdir(parents=True, exist_ok=True)
            for file in folder.iterdir():
                if not (there / file.name).exists():
                    os.link(file, there / file.name)


def unlink_day(target: Path, day: str) -> None:
    """Take a day's files out of ``target``."""
    for folder in target.glob(f"topic=*/{day}"):
        shutil.rmtree(folder)


def days_of(master: Path) -> list[str]:
    """Its day folders below a topic, such as ``year=2025/month=09/day=01``, in order."""
    return sorted(
        {f"{f.parent.parent.name}/{f.parent.name}/{f.name}" for f in master.glob("topic=*/year=*/month=*/day=*")}
    )
