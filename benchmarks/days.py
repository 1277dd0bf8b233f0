"""What another day costs: on 90 days of history beside a full run, and on 30, 90 and 365 days at the same events a day.

At full scale the 90 days hold 100 million events, not 10, and the other histories are left out.

Further a run with nothing new, a day that comes late, and 7 days recomputed. All but those of 100 million beside the same with copies,
late and malformed events.

Checked after each: all 37 views against plain SQL over all events there are then (of dirty ones: the valid ones, each once).
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

    source: Dataset
    folder: Path
    history: list[str]  # days that are in it
    arriving: list[str]  # days that come

    @property
    def master(self) -> Path:
        """The growing dataset."""
        return self.folder / "master"

    def prepare(self) -> Place:
        """Itself, with its history run."""
        link_days(self.source.path, self.master, self.history)
        measure(learnfold("run", self.master, self.folder / "views"))
        return self

    def restore(self, folder: Path) -> None:
        """The history alone, its views in ``folder``; then the arriving days come."""
        for day in self.arriving:
            unlink_day(self.master, day)
        shutil.copytree(self.folder / "views", folder / "views")
        link_days(self.source.path, self.master, self.arriving)

    def right_events(self) -> Path:
        """The valid events that are in it now, each once, as a dataset."""
        if not self.source.dirty:
            return self.master
        clean = self.folder / "clean"
        shutil.rmtree(clean, ignore_errors=True)
        link_days(self.source.clean.path, clean, days_of(self.master))
        return clean

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
            same_views(expected_views(self.right_events(), key, keep=False), folder / "views")

        case.check = check
        return case


def run(bench: Bench) -> None:
    """Time and check season and histories."""
    season, year, histories = SIZES[bench.scale]
    data_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="days-", dir=data_folder()) as scratch:
        places = {f"90 {'dirty ' if each.dirty else ''}days": each for each in season.both}
        bench.time(*(case for name, each in places.items() for case in _season(each, Path(scratch), name)))
        for name in places:
            bench.ratio(f"one more day on {name} / full run", f"{name}: one more day", f"{name}: full run")
            bench.ratio(f"{name}: nothing new / full run", f"{name}: nothing new", f"{name}: full run")
        if histories:
            _histories(bench, year, histories, Path(scratch))
    bench.checked.append(
        "all 37 views after every case: every row, against plain SQL over all events there are then (of dirty ones: the valid ones, each once)"
    )


def _season(source: Dataset, scratch: Path, name: str) -> list[Case]:
    days = days_of(source.path)[:91]
    at = scratch / f"season-{source.name}"
    place = Place(source, at, days[:90], []).prepare()
    new = Place(source, at.with_name(f"{at.name}-new"), days[:90], days[90:91]).prepare()
    others = days[:LATE] + days[LATE + 1 : 90]
    late = Place(source, at.with_name(f"{at.name}-late"), others, days[LATE : LATE + 1]).prepare()
    full = place.case(f"{name}: full run")
    full.before = lambda _: None
    week = ("--from", _date(days[80]), "--to", _date(days[86]))
    return [
        full,
        new.case(f"{name}: one more day"),
        late.case(f"{name}: a day that comes late"),
        place.case(f"{name}: 7 days recomputed", *week),
        place.case(f"{name}: nothing new"),
    ]


def _histories(bench: Bench, source: Dataset, histories: Sequence[int], scratch: Path) -> None:
    cases = {}
    for each in source.both:
        days, last = days_of(each.path), max(histories)
        for length in histories:
            at = scratch / f"history-{each.name}-{length}"
            place = Place(each, at, days[last - length : last], days[last : last + 1]).prepare()
            name = f"{length} {'dirty ' if each.dirty else ''}days of history: one more day"
            cases[each.dirty, length] = place.case(name)
    bench.time(*cases.values())
    for (dirty, length), case in cases.items():
        if length != histories[0]:
            first = cases[dirty, histories[0]].name
            what = f"one more day on {length} {'dirty ' if dirty else ''}days / on {histories[0]}"
            bench.ratio(what, case.name, first)


def _date(folder: str) -> str:
    """``2025-09-01`` of ``year=2025/month=09/day=01``."""
    return "-".join(part.partition("=")[2] for part in folder.split("/"))
