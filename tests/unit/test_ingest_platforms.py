"""Platforms' own logs as the files that they come in: CSV, Parquet, JSON lines behind what a logger wrote, packed or not."""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingested import KilledError, dying_after, rows, visible
from platform_records import CANVAS, MOODLE, TRACKING
from xapi_statements import CASES as STATEMENTS

from learnfold import catalog
from learnfold.catalog import reasons
from learnfold.cli import main
from learnfold.ingest.files.backfill import Backfill
from learnfold.ingest.files.located import located
from learnfold.ingest.files.receipt import digest_of
from learnfold.ingest.mapping.file import load
from learnfold.ingest.mapping.translate import Translated, translate
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage


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


def test_a_log_of_another_program_is_refused_in_one_line(tmp_path, capsys):
    """Nothing of it is JSON: exit 1, also when it is said again; its lines are kept."""
    (tmp_path / "tracking.log").write_text("Jan 1 host sshd[1]: in\nJan 2 host sshd[1]: out\n")
    words = ["ingest", str(tmp_path / "tracking.log"), "--from", "openedx-tracking-log", "--into", str(tmp_path / "m")]
    for _ in range(2):
        assert main(words) == 1
        assert "none of its 2 lines is JSON. They are in the quarantine" in capsys.readouterr().err
    assert len(rows(sorted((tmp_path / "m" / "_quarantine").rglob("*.parquet")))) == 2


STRANGE = {
    "xapi": ('{"error": "not found"}', "an xAPI statement has an actor, a verb and an object; no actor here"),
    "caliper": ('{"level": "info", "message": "started"}', "a Caliper event has an action; none here"),
    "openedx-tracking-log": ('{"level": "info", "message": "started"}', "no rule for name none, source none"),
    "moodle-log": ("[1, 2]", "a number is no record"),
    "canvas-live-events": ('{"id": 1}', "no rule for event none, asset none"),
}


@pytest.mark.parametrize("mapping", STRANGE)
def test_json_of_another_program_is_refused_in_one_line(tmp_path, capsys, mapping):
    """Nothing of it is what the mapping reads: exit 1; with one event among it, it is a file that has some of each."""
    text, reason = STRANGE[mapping]
    (tmp_path / "strange.json").write_text(text)
    words = ["ingest", str(tmp_path / "strange.json"), "--from", mapping, "--into", str(tmp_path / "m")]
    for _ in range(2):
        assert main(words) == 1
        error = capsys.readouterr().err
        assert f"is no file that {mapping} reads: {reason}. What it holds (" in error
        assert error.count("\n") == 1
    cases = {"xapi": STATEMENTS, "openedx-tracking-log": TRACKING, "moodle-log": MOODLE, "canvas-live-events": CANVAS}
    event = next((case[1] for case in cases.get(mapping, ()) if case[2]), None)
    if event is not None:
        (tmp_path / "strange.json").write_text(f"{text}\n{json.dumps(event)}\n")
        assert main(words) == 0


@pytest.mark.parametrize(
    ("begun", "words"),
    [
        ('{"statements": [', ["--from", "xapi"]),
        ('{"more": "", "statements": [ \n', ["--from", "xapi"]),
        (" [\n", ["--from", "xapi"]),
        ("[", ["--topic", "video_topic"]),
    ],
)
def test_a_file_cut_before_its_first_statement_isnt_taken_in_silence(tmp_path, capsys, begun, words):
    """One line says so and exit 1, each time; grown to the whole, it is in as any other."""
    file = tmp_path / "cut.json"
    file.write_text(begun)
    for _ in range(2):
        assert main(["ingest", str(file), *words, "--into", str(tmp_path / "m")]) == 1
        said = capsys.readouterr()
        assert said.err.count("\n") == 1
        assert "cut.json ends where its array begins" in said.err
        assert said.out == ""
    if words[0] == "--from":
        file.write_text(f"{begun}{json.dumps(STATEMENTS[0][1])}]{'}' if begun.startswith('{') else ''}")
        assert main(["ingest", str(file), *words, "--into", str(tmp_path / "m")]) == 0
        assert len(rows(sorted((tmp_path / "m").glob("*_topic/**/*.parquet")))) == 1


ROWS = [row | {"id": str(number)} for number, (_, row, _, _) in enumerate(MOODLE, 1) if "eventname" in row]
FORMS = ("jsonl", "json", "csv", "parquet", "jsonl.gz", "csv.gz", "json.gz")


def as_file(some: list[dict[str, Any]], path: Path) -> Path:
    """Rows of Moodle's log in the form that the name says."""
    form = path.name.partition(".")[2]
    plain = path.with_name(path.name.removesuffix(".gz"))
    if form.startswith("jsonl"):
        plain.write_text("".join(f"{json.dumps(row)}\n" for row in some))
    elif form.startswith("json"):
        plain.write_text(json.dumps(some))
    else:
        as_csv(
            [dict.fromkeys(ROWS[0], "") | row for row in some],
            path.with_suffix(".made") if form == "parquet" else plain,
        )
    if form == "parquet":
        made = path.with_suffix(".made")
        duckdb.sql(f"COPY (SELECT * FROM read_csv('{made}', all_varchar=true)) TO '{path}'")
    elif form.endswith(".gz"):
        path.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    return path


@given(data=st.data())
def test_a_log_in_files_of_any_kind_gives_its_events_once(data: st.DataObject) -> None:
    """Cut into files of every kind that overlap, taken in any order, killed before any write and said again: each row is its event, once."""
    with TemporaryDirectory() as folder:
        master = FolderStorage(f"{folder}/master")
        files = []
        for number in range(data.draw(st.integers(1, 4))):
            some = data.draw(st.lists(st.sampled_from(ROWS), min_size=1, max_size=8, unique_by=lambda row: row["id"]))
            form = data.draw(st.sampled_from(FORMS))
            files.append((as_file(some, Path(folder) / f"part{number}.{form}"), some))
        for file, _ in data.draw(st.permutations([*files, *files[:1]])):
            backfill = Backfill(master, catalog.load(), Settings(), mapping=load("moodle-log"))
            (source,) = located([str(file)], Settings())
            with contextlib.suppress(KilledError), dying_after(data.draw(st.integers(1, 12))):
                backfill.take(source)
            backfill.take(source)
            backfill.close()
        mapping = load("moodle-log")
        results = [
            result
            for row in {row["id"]: row for _, some in files for row in some}.values()
            for result in translate(row, mapping)
        ]
        wanted = {str(result.event["event_id"]) for result in results if isinstance(result, Translated)}
        found = rows(visible(Path(folder) / "master")) if wanted else []
        assert {str(row["event_id"]) for row in found} == wanted
        told = sum(1 for _, some in files for row in some for r in translate(row, mapping) if isinstance(r, Translated))
        contents = {digest_of(file) for file, _ in files}
        assert len(contents) < len(files) or len(found) == told
