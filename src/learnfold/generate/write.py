"""Writes a made-up semester into a folder, as a master dataset or as JSON lines, with the truth about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from learnfold.errors import UsageError
from learnfold.generate import parts, render
from learnfold.generate.delivery import Deliveries
from learnfold.generate.semester import Limits
from learnfold.generate.topics import topic_names
from learnfold.generate.university import University

if TYPE_CHECKING:
    from learnfold.generate.delivery import Delivery
    from learnfold.generate.parts import Part
    from learnfold.generate.semester import Semester

Shape = Literal["flat", "envelope", "jsonl"]
"""How events are written: Parquet with a column a field, Parquet of messages, or a file of JSON lines a topic."""

TRUTH = "_truth.json"
Progress = Callable[[int, int, int], None]
"""Called with the days written, all days, and the rows written."""

_NONE = Limits()
_WRITERS = 2  # topics written at once
_ORDER = "sort_us, h, copy"
_PLACE = "day AS _day, sort_us AS _us, h AS _h, copy AS _copy"


@dataclass(frozen=True)
class Generated:
    """What was written; ``events`` are the valid, distinct ones, ``rows`` all."""

    files: int
    bytes: int
    events: int
    rows: int
    by_topic: dict[str, int] = field(default_factory=dict)
    """Valid, distinct events by topic."""
    truth: str = ""
    """The path of the file that knows."""


def generate(
    semester: Semester,
    out: str | Path,
    *,
    shape: Shape = "flat",
    limits: Limits = _NONE,
    progress: Progress | None = None,
) -> Generated:
    """What was written into ``out``, a folder that doesn't hold a dataset yet.

    ``flat`` and ``envelope`` lie below ``topic=<topic>/year=YYYY/month=MM/day=DD/``, day being the event's UTC day;
    ``jsonl`` is ``<topic>.jsonl``, in the order of arrival. ``_truth.json``, written last, holds the counts, the
    planted rows of the views (for a reporting zone of UTC) and the students with a planted reason to be looked after.

    Raises:
        UsageError: a value makes no sense, or ``out`` holds a dataset.
        DataError: ``out`` can't be written to, or the disk or memory is full.
    """
    out = Path(out)
    if shape not in get_args(Shape):
        raise UsageError(f"shape is {shape!r}; it can be {', '.join(get_args(Shape))}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is no empty folder; name a new one, or empty it")
    with University(semester, limits) as university:
        return _write(university, out, shape, progress)


def _write(university: University, out: Path, shape: Shape, progress: Progress | None) -> Generated:
    semester = university.semester
    out.mkdir(parents=True, exist_ok=True)
    names = topic_names()
    deliveries = Deliveries(university, json=shape != "flat" or semester.awkward)
    written: list[Path] = []

    def write(topic: str, days: range) -> list[Path]:
        delivery = deliveries.deliver(topic, days)
        with closing(delivery.connection):
            return _lines(delivery, semester, out) if shape == "jsonl" else _days(delivery, semester, out, shape)

    with ThreadPoolExecutor(_WRITERS) as writers:
        for days in university.spans():
            for files in writers.map(write, names, [days] * len(names)):
                written += files
            if progress:
                progress(days.stop, semester.days, sum(tally.rows for tally in deliveries.tallies.values()))
    _tell(university, deliveries, shape, out / TRUTH)
    by_topic = {topic: deliveries.tallies[topic].events.total() for topic in sorted(deliveries.tallies)}
    different = set(written)
    return Generated(
        files=len(different),
        bytes=sum(file.stat().st_size for file in different),
        events=sum(by_topic.values()),
        rows=sum(tally.rows for tally in deliveries.tallies.values()),
        by_topic=by_topic,
        truth=str(out / TRUTH),
    )


def _days(delivery: Delivery, semester: Semester, out: Path, shape: Shape) -> list[Path]:
    """The Parquet files of a topic's days."""
    files: dict[Part, dict[int, Path]] = {}
    for day in delivery.days:
        date = semester.date(day)
        folder = out / f"topic={delivery.topic}" / f"year={date:%Y}" / f"month={date:%m}" / f"day={date:%d}"
        for number, part in enumerate(_parts(delivery, semester, shape, day)):
            files.setdefault(part, {})[day] = folder / f"part-{number:05}.parquet"
    return [file for part, by_day in files.items() for file in _copy(delivery, part, by_day)]


def _parts(delivery: Delivery, semester: Semester, shape: Shape, day: int) -> list[Part]:
    messy = bool(semester.duplicates or semester.late or semester.malformed)
    if shape == "envelope":
        return parts.envelope(delivery.topic, delivery.columns, messy=messy, mixed=semester.awkward)
    if semester.awkward:
        return parts.awkward(delivery.topic, delivery.columns, day)
    return parts.flat(delivery.topic, delivery.columns, messy=messy)


def _copy(delivery: Delivery, part: Part, files: dict[int, Path]) -> list[Path]:
    """The part's files, by day, of the days on which it has rows."""
    connection = delivery.connection
    where = f"({part.where}) AND day IN ({', '.join(map(str, files))})"
    days = connection.execute(f"SELECT DISTINCT day FROM deliveries WHERE {where} ORDER BY day").fetchall()
    if part.wrought:  # planning such columns takes longer than a day's rows: they are worked out once
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE wrought AS SELECT {_PLACE}, {part.select} FROM deliveries WHERE {where}"
        )
        rows = "SELECT * EXCLUDE (_day, _us, _h, _copy) FROM wrought WHERE _day = $day ORDER BY _us, _h, _copy"
    else:
        rows = f"SELECT {part.select} FROM deliveries WHERE day = $day AND {where} ORDER BY {_ORDER}"
    for (day,) in days:
        files[day].parent.mkdir(parents=True, exist_ok=True)
        sql = f"COPY ({rows}) TO $file (FORMAT parquet, COMPRESSION zstd)"
        connection.execute(sql, {"day": day, "file": str(files[day])})
    return [files[day] for (day,) in days]


def _lines(delivery: Delivery, semester: Semester, out: Path) -> list[Path]:
    """The topic's file, its days' messages added."""
    file = out / f"{delivery.topic}.jsonl"
    value = render.as_bytes(
        render.json(delivery.topic, delivery.columns, broken=semester.malformed > 0, mixed=semester.awkward)
    )
    with file.open("ab") as lines:
        delivery.connection.execute(f"SELECT {value} FROM deliveries ORDER BY day, file, {_ORDER}")
        while rows := delivery.connection.fetchmany(10_000):
            lines.write(b"\n".join(row[0] for row in rows) + b"\n")
    return [file]


def _tell(university: University, deliveries: Deliveries, shape: Shape, file: Path) -> None:
    """Write the truth."""
    semester = asdict(university.semester) | {"start": university.semester.start.isoformat(), "shape": shape}
    counts = {topic: deliveries.tallies[topic].shown() for topic in sorted(deliveries.tallies)}
    truth = {
        "semester": semester,
        "counts": counts,
        "planted": university.story.planted,
        "troubled": university.troubled(),
    }
    file.write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", "utf-8")
