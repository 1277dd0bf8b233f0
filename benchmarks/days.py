"""What another day costs: on 90 days of history beside a full run, and on 30, 90 and 365 days at the same events a day.

At full scale the 90 days hold 100 million events, not 10, and the other histories are left out.

Further a run with nothing new, a day that comes late, and 7 days recomputed.

Checked after each: all 37 views against plain SQL over all events there are then.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, Case, expected_views, same_views
from benchmarks.child import learnfold, measure
from benchmarks.data import Dataset, data_folder, days_of, link_days, unlink_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.child import Measured

SIZES = {  # events and days of the season, the last day being the new one; and of the histories
    "tiny": (Dataset(9_100, 91), Dataset(11_000, 110), (30, 90)),
    "small": (Dataset(10_111_111, 91), Dataset(7_320_000, 366), (30, 90, 365)),
    "full": (Dataset(101_111_111, 91), Dataset(7_320_000, 366), ()),
}
LATE = 45  # the day that comes late, counted from 0


@dataclass
class Place:
    """A master dataset that grows, and the views of what was in it before."""

    source: Path
    folder: Path
    history: list[str]  # days that are in it
    arriving: list[str]  # days that come

    @property
    def master(self) -> Path:
        """The growing dataset."""
        return self.folder / "master"

    def prepare(self) -> Place:
        """Itself, with its history run."""
        link_days(self.source, self.master, self.history)
        measure(learnfold("run", self.master, self.folder / "views"))
        return self

    def restore(self, folder: Path) -> None:
        """The history alone, its views in ``folder``; then the arriving days come."""
        for day in self.arriving:
            unlink_day(self.master, day)
        shutil.copytree(self.folder / "views", folder / "views")
        link_days(self.source, self.master, self.arriving)

    def case(self, name: str, *flags: str) -> Case:
        """A run with the days that have come."""
        case = Case(
            name,
            lambda folder: learnfold("run", self.master, folder / "views", *flags, "--json"),
            before=self.restore,
        )

        def check(folder: Path, done: Measured) -> None:
            case.rows = sum(topic["events"] for topic in json.loads(done.output)["topics"].values())
            case.bytes = sum(file.stat().st_size for file in self.master.glob("topic=*/**/*.parquet"))
            key = f"{self.source.name}-{self.folder.name}"
            same_views(expected_views(self.master, key, keep=False), folder / "views")

        case.check = check
        return case


def run(bench: Bench) -> None:
    """Time and check season and histories."""
    season, year, histories = SIZES[bench.scale]
    data_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="days-", dir=data_folder()) as scratch:
        _season(bench, season.path, Path(scratch))
        if histories:
            _histories(bench, year.path, histories, Path(scratch))
    bench.checked.append("all 37 views after every case: every row, against plain SQL over all events there are then")


def _season(bench: Bench, source: Path, scratch: Path) -> None:
    days = days_of(source)[:91]
    place = Place(source, scratch / "season", days[:90], []).prepare()
    new = Place(source, scratch / "season-new", days[:90], days[90:91]).prepare()
    late = Place(source, scratch / "season-late", days[:LATE] + days[LATE + 1 : 90], days[LATE : LATE + 1]).prepare()
    full = place.case("90 days: full run")
    full.before = lambda _: None
    week = ("--from", _date(days[80]), "--to", _date(days[86]))
    bench.time(
        full,
        new.case("90 days: one more day"),
        late.case("90 days: a day that comes late"),
        place.case("90 days: 7 days recomputed", *week),
        place.case("90 days: nothing new"),
    )
    bench.ratio("one more day on 90 days / full run", "90 days: one more day", "90 days: full run")
    bench.ratio("nothing new / full run", "90 days: nothing new", "90 days: full run")


def _histories(bench: Bench, source: Path, histories: Sequence[int], scratch: Path) -> None:
    days = days_of(source)
    last = max(histories)
    places = [
        Place(source, scratch / f"history-{length}", days[last - length : last], days[last : last + 1]).prepare()
        for length in histories
    ]
    names = [f"{length} days of history: one more day" for length in histories]
    bench.time(*(place.case(name) for place, name in zip(places, names, strict=True)))
    for length, name in zip(histories[1:], names[1:], strict=True):
        bench.ratio(f"one more day on {length} days / on {histories[0]}", name, names[0])


def _date(folder: str) -> str:
    """``2025-09-01`` of ``year=2025/month=09/day=01``."""
    return "-".join(part.partition("=")[2] for part in folder.split("/"))
