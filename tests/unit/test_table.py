"""Rows for people, for spreadsheets and for machines."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal

from learnfold.cli.table import table, to_csv, to_json


def test_columns_stand_under_their_names_with_numbers_to_the_right() -> None:
    """Thousands are told apart, and what isn't known is NULL."""
    shown = table(["view", "rows", "seconds"], [("short", 1234567, 0.5), ("a longer one", 0, None)])
    assert shown.splitlines() == [
        "view               rows  seconds",
        "------------  ---------  -------",
        "short         1,234,567     0.50",
        "a longer one          0     NULL",
    ]


def test_a_table_without_rows_is_its_names() -> None:
    """So that a reader sees what would be there."""
    assert table(["view", "rows"], []).splitlines() == ["view  rows", "----  ----"]


def test_a_column_of_texts_and_numbers_is_text() -> None:
    """Only a column of numbers alone is to the right."""
    assert table(["a", "b"], [(1, "x"), (22, -3)]).splitlines() == [" a  b", "--  --", " 1  x", "22  -3"]


def test_dates_times_and_truths_are_plain() -> None:
    """Times as in ISO 8601, with a space; yes and no."""
    row = (date(2025, 12, 10), datetime.fromisoformat("2025-12-10 14:30:00.000005"), True, Decimal("1.50"))
    assert table(["d", "t", "b", "n"], [row]).splitlines()[2] == "2025-12-10  2025-12-10 14:30:00.000005  yes  1.50"


def test_an_id_can_neither_break_a_table_nor_drive_a_terminal() -> None:
    """New lines and control characters are shown as what they are."""
    shown = table(["id", "n"], [("a\nb\x1b[31m\t", 1)])
    assert shown.splitlines()[2] == r"a\nb\x1b[31m\t  1"


def test_wide_and_combined_letters_keep_the_columns_straight() -> None:
    """As wide as a terminal shows them."""
    shown = table(["name", "n"], [("Nguyễn", 1), ("Nguye\u0302\u0303n", 2), ("学生", 3), ("x", 4)]).splitlines()
    assert [line.rstrip("1234").replace("\u0302\u0303", "") for line in shown[2:]] == [
        "Nguyễn  ",
        "Nguyen  ",
        "学生    ",
        "x       ",
    ]


def test_csv_is_read_as_it_was_written() -> None:
    """With a header, NULL empty, quotes and new lines kept."""
    rows = [('a "quoted", one', None, 1.5, datetime.fromisoformat("2025-01-02 03:04:05")), ("two\nlines", 2, 0.1, None)]
    read = list(csv.reader(io.StringIO(to_csv(["t", "n", "f", "at"], rows))))
    assert read == [
        ["t", "n", "f", "at"],
        ['a "quoted", one', "", "1.5", "2025-01-02 03:04:05"],
        ["two\nlines", "2", "0.1", ""],
    ]


def test_json_keeps_numbers_numbers_and_letters_letters() -> None:
    """Dates and times as text; nothing is escaped that need not be."""
    value = {
        "d": date(2025, 1, 2),
        "t": datetime.fromisoformat("2025-01-02 03:04:05"),
        "n": Decimal("1.25"),
        "f": 0.1,
        "x": None,
        "ä": "学生",
    }
    text = to_json(value)
    assert json.loads(text) == {
        "d": "2025-01-02",
        "t": "2025-01-02 03:04:05",
        "n": 1.25,
        "f": 0.1,
        "x": None,
        "ä": "学生",
    }
    assert "学生" in text
