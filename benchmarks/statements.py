"""Statements of platforms into the master dataset, on one core; ``ralph convert`` on the same tracking log.

The statements are those that the mappings' tests are written with, in the shape of Open edX's (xAPI, and lines of its tracking log), each with an
id, a person and a time of its own. They come as JSON lines and as one answer of a learning record store, which is one document.
Memory is looked at by the document's size. Ralph does another thing: it makes xAPI statements of those lines that it knows, checks them
against its models, and keeps nothing; the rest of the lines it names in its log.

Checked: every statement became the event or the refusal that it has in the tests, by their numbers.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.bench import Bench, Case, WrongAnswerError
from benchmarks.child import ROOT, Measured, learnfold
from benchmarks.data import data_folder
from benchmarks.ingest import one_core

if TYPE_CHECKING:
    from pathlib import Path

STATEMENTS = {"tiny": 2_000, "small": 200_000, "full": 1_000_000}
_ID, _PERSON, _TIME = "22223333-0000-4000-8000-0000000000bb", "444455556666", "2026-03-02T10:00:00.123456"
_PEOPLE = 5_000


def run(bench: Bench) -> None:
    """Time and check all."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "unit")]
    import platform_openedx
    import platform_records

    data_folder().mkdir(parents=True, exist_ok=True)
    count = STATEMENTS[bench.scale]
    xapi = [(sent, topic) for _, sent, topic, _ in platform_openedx.XAPI]
    log = [(sent, topic) for _, sent, topic, _ in platform_records.TRACKING]
    lines, few = _lines("xapi", xapi, count), _lines("xapi", xapi, count // 4)
    tracking = _lines("tracking", log, count)
    mapped = {file: sum(bool(pool[number % len(pool)][1]) for number in range(many)) for file, pool, many in (
        (lines, xapi, count), (few, xapi, count // 4), (tracking, log, count)
    )}  # fmt: skip
    cases = [
        _ingest("xAPI, lines", lines, "xapi", count, mapped[lines]),
        _ingest("xAPI, one document", _answer(lines), "xapi", count, mapped[lines]),
        _ingest("xAPI, a document of a quarter", _answer(few), "xapi", count // 4, mapped[few]),
        _ingest("tracking log", tracking, "openedx-tracking-log", count, mapped[tracking]),
    ]
    if peer := _ralph(bench, tracking, count):
        cases.append(peer)
    bench.time(*cases)
    bench.table(
        "Statements a second of a core",
        ("case", "of its processor's time, start-up and all", "by the clock"),
        [
            (case.name, f"{case.rows / case.median_cpu_seconds:,.0f}", f"{case.rows / case.median_seconds:,.0f}")
            for case in cases
        ],
    )
    bench.checked.append("events and refusals of every file, by their numbers")


def _ingest(what: str, file: Path, mapping: str, count: int, mapped: int) -> Case:
    """A file with so many statements, of which so many are events."""

    def check(_: Path, measured: Measured) -> None:
        told = json.loads(measured.output)
        events = sum(sum(one["events"].values()) for one in told["files"])
        if events != mapped:
            raise WrongAnswerError(f"{events:,} events of {file.name}; there are {mapped:,}")

    def command(folder: Path) -> list[str]:
        words = learnfold("ingest", file, "--from", mapping, "--into", folder / "master", "--json", "--threads", 1)
        return [*one_core(), *words]

    return Case(f"{what}: {count:,} statements", command, count, file.stat().st_size, check=check)


def _ralph(bench: Bench, file: Path, count: int) -> Case | None:
    """Its conversion of the tracking log, where it can be had."""
    import pytest

    from services.stack import ralph

    try:
        program = ralph.python()
    except pytest.skip.Exception as missing:
        bench.left_out.append(f"ralph convert: {missing}")
        return None
    words = "-m ralph convert -f edx -t xapi -u 6ba7b810-9dad-11d1-80b4-00c04fd430c8 -p https://lms.test -I"
    script = f"exec {shlex.quote(str(program))} {words} < {shlex.quote(str(file))} > /dev/null 2>&1"
    return Case(
        f"ralph convert, tracking log: {count:,} lines",
        lambda _: [*one_core(), "sh", "-c", script],
        count,
        file.stat().st_size,
    )


def _lines(name: str, pool: list[tuple[Any, str]], count: int) -> Path:
    """A file of so many statements, a line each, in turns of all kinds."""
    file = data_folder() / f"statements-{name}-{count}.jsonl"
    if not file.exists():
        texts = [json.dumps(sent) for sent, _ in pool]
        unfinished = file.with_suffix(f".{os.getpid()}")
        with unfinished.open("w", encoding="utf-8") as out:
            for number in range(count):
                text = texts[number % len(texts)].replace(_ID, f"22223333-0000-4000-8000-{number:012d}")
                text = text.replace(_PERSON, f"{number % _PEOPLE:012d}").replace(_TIME, _time(number))
                out.write(f"{text}\n")
        unfinished.rename(file)
    return file


def _time(number: int) -> str:
    seconds, micro = divmod(number, 7)
    return f"2026-03-{2 + seconds // 86_400 % 28:02d}T{seconds // 3_600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{micro:06d}"


def _answer(lines: Path) -> Path:
    """The same as one answer of a learning record store."""
    file = lines.with_suffix(".json")
    if not file.exists():
        unfinished = file.with_suffix(f".{os.getpid()}")
        with unfinished.open("w", encoding="utf-8") as out, lines.open(encoding="utf-8") as rows:
            out.write('{"more": "", "statements": [')
            for number, row in enumerate(rows):
                out.write(f"{',' if number else ''}\n{row.rstrip()}")
            out.write("\n]}")
        unfinished.rename(file)
    return file
