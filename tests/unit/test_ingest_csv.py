"""CSV as spreadsheets and databases write it; what can't be told apart is an error that says where, and nothing of it is taken."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingested import quarantine, rows, visible
from test_ingest_grown import take

from learnfold import catalog
from learnfold.errors import DataError, UsageError
from learnfold.ingest.files.csv_records import Columns, CsvRecords, columns_of
from learnfold.ingest.files.stream import TextStream

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "event_type,user_id,timestamp,watch_duration_seconds,note\n"
RECORD = "VIDEO_WATCHED,u1,2025-11-01 10:00:00,90,n\n"
CELLS = {
    "event_type": "VIDEO_WATCHED",
    "user_id": "u1",
    "timestamp": "2025-11-01 10:00:00",
    "watch_duration_seconds": "90",
    "note": "n",
}


def read(text: str | bytes, columns: Columns | None = None) -> tuple[list[dict[str, str]], str | None]:
    """The records' cells, and the last text where there may be more of it."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    reader = CsvRecords(TextStream(io.BytesIO(data)), "x.csv", columns or columns_of(catalog.load()))
    found = [json.loads(record) for batch in reader for record in batch]
    return found, None if reader.cut is None else reader.cut.decode()


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + RECORD,
        "\n\n  \n" + HEADER + RECORD,
        "# made by hand\n# on Monday, at noon\n" + HEADER + RECORD,
        "#" + HEADER + RECORD,
        "sep=;\r\n" + HEADER.replace(",", ";") + RECORD.replace(",", ";"),
        "\ufeffsep=,\n\n" + HEADER + RECORD,
        (HEADER + RECORD).replace(",", "\t"),
        (HEADER + RECORD).replace(",", " | ").replace(" | ", "|"),
        (HEADER + RECORD).replace("\n", "\r\n"),
        (HEADER + RECORD).replace("\n", "\r"),
        HEADER.replace("note", '"note"') + RECORD.replace("90", '"90"'),
        (HEADER + "\n,,,,\n" + RECORD + " \n"),
        "sep=~\n" + (HEADER + RECORD).replace(",", "~"),
    ],
)
def test_what_is_around_a_header_is_passed_over(text: str) -> None:
    """Marks, blank lines, comments, Excel's line that names the separator, any separator and line's end: the cells are the same."""
    found, cut = read(text)
    assert [one for one in found if one != {"event_type": " "}] == [CELLS]
    assert cut is None


def test_cells_without_a_value_are_left_out_and_those_without_a_name_kept() -> None:
    r"""An empty cell and a database's \N are no value; a short row has what it has, a long one names what is too much."""
    found, _ = read(HEADER + "VIDEO_WATCHED,u1,\\N,,\nVIDEO_WATCHED,u2\nVIDEO_WATCHED,u3,t,1,n,x,,y\n")
    assert found == [
        {"event_type": "VIDEO_WATCHED", "user_id": "u1"},
        {"event_type": "VIDEO_WATCHED", "user_id": "u2"},
        {
            "event_type": "VIDEO_WATCHED",
            "user_id": "u3",
            "timestamp": "t",
            "watch_duration_seconds": "1",
            "note": "n",
            "column_6": "x",
            "column_8": "y",
        },
    ]


def test_decimal_commas_are_numbers_where_commas_separate_nothing() -> None:
    """Of a number's cell among semicolons or tabs the comma is a point; a text keeps its own, and so does a cell between commas."""
    text = "user_id;score;feedback\nu1;12,5;3,5\nu2;1.234,25;\nu3;7;\nu4;1,2,3;\n"
    found, _ = read(text)
    assert [one["score"] for one in found] == ["12.5", "1234.25", "7", "1,2,3"]
    assert found[0]["feedback"] == "3,5"
    assert read('user_id,score\nu1,"12,5"\n')[0] == [{"user_id": "u1", "score": "12,5"}]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEADER + RECORD + RECORD.replace("u1", '"u2') + RECORD * 3, 3),
        (HEADER + RECORD + RECORD.replace(",n", ',"n') + RECORD + RECORD.replace("u1", '"u4"'), 3),
        (HEADER + RECORD + RECORD.replace(",n", ',"n') + RECORD + RECORD.replace(",n", ',n"'), 3),
        ("# one\n" + HEADER + RECORD.replace(",n", ',"n'), 3),
    ],
)
def test_a_quote_that_is_not_closed_is_an_error_with_its_line(text: str, line: int) -> None:
    """Where a quote takes in the records behind it, to the end or to the next quote, the line in which it is opened is named."""
    with pytest.raises(DataError, match=f"x.csv, line {line}: a quote is opened and not closed"):
        read(text)


def test_quotes_that_take_in_no_other_record_are_read() -> None:
    """A text with line ends or commas is one cell; a quote within a cell's text stays in it, and costs at most its own record."""
    found, _ = read(
        HEADER
        + RECORD.replace(",n", ',"one\n\ntwo, three\nfour"')
        + RECORD.replace(",n", ',say "hi"')
        + RECORD.replace(",n", ',"a"b')
        + RECORD
    )
    assert [one["note"] for one in found] == ["one\n\ntwo, three\nfour", 'say "hi"', "ab", "n"]


def test_nothing_of_a_file_with_an_open_quote_is_taken(tmp_path: Path) -> None:
    """Neither events nor a receipt are left of it, so that the mended file's events count once."""
    file = tmp_path / "video.csv"
    file.write_text(HEADER + RECORD + RECORD.replace("u1", '"u2') + RECORD)
    with pytest.raises(DataError, match="line 3"):
        take(tmp_path / "master", file)
    assert list((tmp_path / "master").rglob("*.parquet")) == []
    file.write_text(HEADER + RECORD + RECORD.replace("u1", '"u2"') + RECORD)
    (report,) = take(tmp_path / "master", file)
    assert report.events == {"video_topic": 3}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RECORD * 3, "has no header: its first line names none of event_type, timestamp, user_id; put one above it"),
        (HEADER.upper() + RECORD, "lower case"),
        (HEADER.replace("note", "user_id") + RECORD, "names user_id twice"),
    ],
)
def test_a_header_that_is_none_is_refused(text: str, said: str) -> None:
    """Without names, or with one of ours twice, a file can't be read: the error says what to do."""
    with pytest.raises(DataError, match=said):
        read(text)


def test_other_names_given_twice_get_a_number_and_a_mapping_may_ask_for_any(tmp_path: Path) -> None:
    """Columns that no field is for are kept, each; a reader that knows no fields asks for none."""
    assert read("user_id,x,x,,x\nu1,1,2,3,4\n")[0] == [
        {"user_id": "u1", "x": "1", "x_2": "2", "column_4": "3", "x_3": "4"}
    ]
    assert read("a,b\n1,2\n", Columns())[0] == [{"a": "1", "b": "2"}]
    assert read("") == read("\n\n") == ([], None)


OTHERS = {
    "an Excel workbook": b"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml",
    "a zip archive": b"PK\x03\x04\x14\x00\x00\x00a.csv",
    "a tar archive": b"a.csv".ljust(257, b"\0") + b"ustar\x0000" + b"\0" * 400,
    "a Parquet file": b"PAR1" + b"\0" * 100,
    "packed with bzip2": b"BZh91AY",
    "a web page": b"<!DOCTYPE html><html>",
    "XML": b'<?xml version="1.0"?>',
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("name", ["events.csv", "events.jsonl", "events.json.gz"])
def test_what_is_something_else_is_refused_by_what_it_is(tmp_path: Path, what: str, name: str) -> None:
    """A workbook, an archive, a page under the name of events is an error that says what it is and what to do; nothing is taken."""
    import gzip

    (tmp_path / name).write_bytes(gzip.compress(OTHERS[what]) if name.endswith(".gz") else OTHERS[what])
    with pytest.raises((DataError, UsageError), match=f"{name} is {what}"):
        take(tmp_path / "master", tmp_path / name)
    assert list((tmp_path / "master").rglob("*")) == []


@given(
    st.binary(max_size=200)
    | st.text(alphabet='"\n\r,;\\Na\x00é\ud800', max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_are_records_or_an_error(data: bytes) -> None:
    """Behind a header any bytes give records, each JSON, or an error that names the line: never anything else."""
    try:
        reader = CsvRecords(TextStream(io.BytesIO(HEADER.encode() + data)), "x.csv", Columns())
        texts = [record for batch in reader for record in batch]
    except DataError as error:
        assert "line " in str(error)  # noqa: PT017
        return
    for text in texts:
        assert isinstance(json.loads(text.decode("utf-8", "replace")), dict)


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)


@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=5),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8-sig", "utf-16", "utf-16-be"]),
)
def test_cells_come_out_as_they_were_written(table: list[list[str]], delimiter: str, end: str, encoding: str) -> None:
    """Whatever a spreadsheet writes, by any separator, line's end and encoding, comes out cell by cell."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows([["user_id", "a", "b"], *table])
    found, cut = read(text.getvalue().encode(encoding))
    expected = [
        {name: cell for name, cell in zip(("user_id", "a", "b"), row, strict=True) if cell not in {"", "\\N"}}
        for row in table
    ]
    assert (found, cut) == ([one for one, row in zip(expected, table, strict=True) if any(row)], None)


def test_a_file_in_utf_16_is_read_by_its_mark(tmp_path: Path) -> None:
    """JSON lines and CSV in UTF-16 or UTF-32 give their events, and a broken sign costs the event that it is in."""
    for number, encoding in enumerate(("utf-16", "utf-16-be", "utf-32", "utf-16-le")):
        text = "".join(json.dumps(CELLS | {"user_id": f"u{n}", "file": number}) + "\n" for n in range(3))
        data = ("\ufeff" if encoding == "utf-16-be" else "").encode(encoding) + text.encode(encoding)
        (tmp_path / f"{number}.jsonl").write_bytes(data)
        (tmp_path / f"{number}.csv").write_bytes((HEADER + RECORD.replace("u1", f"v{number}") * 3).encode("utf-16"))
    (tmp_path / "broken.jsonl").write_bytes((text.replace("u1", "\ud800")).encode("utf-16", "surrogatepass"))
    reports = take(tmp_path / "master", *sorted(tmp_path.glob("?.*")), tmp_path / "broken.jsonl")
    assert [report.events for report in reports] == [{"video_topic": 3}] * 8 + [{"video_topic": 2}]
    assert reports[-1].quarantined == {"video_topic": {"not UTF-8": 1}}
    assert len(rows(visible(tmp_path / "master"))) == 26
    assert "not UTF-8" in {row["reason"] for row in quarantine(tmp_path / "master")}
