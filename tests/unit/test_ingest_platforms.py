"""Platforms' own logs as the files that they come in: CSV, Parquet, JSON lines behind what a logger wrote, packed or not."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from platform_records import CANVAS, MOODLE, TRACKING
from xapi_statements import CASES as STATEMENTS

from learnfold.catalog import reasons
from learnfold.cli import main


def taken(*args: object, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What ``learnfold ingest`` says of the one file."""
    assert main(["ingest", *map(str, args), "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)["files"]
    return report


def events_in(cases: list[Any]) -> int:
    """How many of the cases are events."""
    return sum(1 for _, _, topic, _ in cases if topic)


def counted(report: dict[str, Any]) -> tuple[int, int]:
    """Events, and what went to the quarantine."""
    return sum(report["events"].values()), sum(sum(why.values()) for why in report["quarantined"].values())


def as_csv(rows: list[dict[str, Any]], path: Path) -> Path:
    """The rows as a CSV file with a header."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_dumped_table_is_read_as_csv_and_as_parquet(tmp_path, capsys):
    """Moodle's log gives the same events by either, each row one, and nothing is lost."""
    rows = [row | {"id": str(number)} for number, (_, row, _, _) in enumerate(MOODLE, 1) if "eventname" in row]
    wanted = sum(1 for _, row, topic, _ in MOODLE if "eventname" in row and topic)
    file = as_csv(rows, tmp_path / "log.csv")
    duckdb.sql(f"COPY (SELECT * FROM read_csv('{file}', all_varchar=true)) TO '{tmp_path}/log.parquet'")
    reports = [
        taken(path, "--from", "moodle-log", "--into", tmp_path / path.suffix[1:], capsys=capsys)
        for path in (file, tmp_path / "log.parquet")
    ]
    assert [(wanted, len(rows) - wanted)] * 2 == [counted(report) for report in reports]
    assert reports[0]["events"] == reports[1]["events"]


def test_the_report_of_moodle_is_read_as_csv(tmp_path, capsys):
    """Ids within sentences, times of a day before its month."""
    rows = [row for _, row, _, _ in MOODLE if "Event name" in row]
    report = taken(as_csv(rows, tmp_path / "logs.csv"), "--from", "moodle-log", "--into", tmp_path / "m", capsys=capsys)
    assert (len(rows) - 1, 1) == counted(report)


@pytest.mark.parametrize("name", ["tracking.log", "tracking.log-20260302.gz", "lines.jsonl"])
def test_a_tracking_log_is_read_behind_what_a_logger_wrote(tmp_path, capsys, name):
    """Of any name, packed or not; a line that is no event goes to the quarantine, and costs itself alone."""
    before = "2026-03-02 10:00:00,123 INFO 20 [tracking] [user 6] [ip 10.0.0.1] logger.py:41 - "
    lines = [f"{before if number % 2 else ''}{json.dumps(case[1])}" for number, case in enumerate(TRACKING)]
    text = "\n".join([*lines, before + '{"name": "play_video", ', "started"]).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    report = taken(tmp_path / name, "--from", "openedx-tracking-log", "--into", tmp_path / "m", capsys=capsys)
    assert (events_in(TRACKING), len(TRACKING) - events_in(TRACKING) + 2) == counted(report)
    assert report["quarantined"]["unmapped"][reasons.NOT_JSON] == 2


def test_canvas_live_events_are_read(tmp_path, capsys):
    """Lines of Canvas's own form."""
    (tmp_path / "live.jsonl").write_text("".join(f"{json.dumps(case[1])}\n" for case in CANVAS))
    report = taken(tmp_path / "live.jsonl", "--from", "canvas-live-events", "--into", tmp_path / "m", capsys=capsys)
    assert (events_in(CANVAS), len(CANVAS) - events_in(CANVAS)) == counted(report)


def test_statements_in_a_column_are_read_as_statements(tmp_path, capsys):
    """An export of ClickHouse, where the statement is JSON text in a column, as CSV."""
    rows = [{"event_id": str(number), "event": json.dumps(case[1])} for number, case in enumerate(STATEMENTS)]
    report = taken(as_csv(rows, tmp_path / "export.csv"), "--from", "xapi", "--into", tmp_path / "m", capsys=capsys)
    assert (events_in(STATEMENTS), len(STATEMENTS) - events_in(STATEMENTS)) == counted(report)
