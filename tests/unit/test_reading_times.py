"""When an event happened, however a file says it: read by a real run, compared with the oracle or reckoned by hand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from seen import expected, see, watched, write

from learnfold.engines.duckdb.functions import macros
from learnfold.settings import Settings, Zones
from oracle.timestamp import read_timestamp

ZONES = ["UTC", "America/New_York", "Asia/Ho_Chi_Minh"]
LOCAL = datetime.fromisoformat("2025-11-02 01:30:00.123456")  # in New York the clocks show it twice that night
NANOSECONDS = 1762047000123456789  # the same and a little more, without a zone
FIRST_IN_NEW_YORK = datetime.fromisoformat("2025-11-02 05:30:00.123456")


def micros(moment: datetime) -> str:
    """As an event's time is shown."""
    return moment.isoformat(" ", "microseconds")


def typed(master: Path) -> None:
    """A file for every Parquet type that says a time, by the user's name; all the same but for the digits they can hold."""
    aware = LOCAL.replace(tzinfo=UTC)
    columns = {
        "seconds": pa.array([LOCAL.replace(microsecond=0)], pa.timestamp("s")),
        "milliseconds": pa.array([LOCAL.replace(microsecond=123000)], pa.timestamp("ms")),
        "microseconds": pa.array([LOCAL], pa.timestamp("us")),
        "nanoseconds": pa.array([NANOSECONDS], pa.timestamp("ns")),
        "day": pa.array([date(2025, 11, 2)], pa.date32()),
        "day in milliseconds": pa.array([date(2025, 11, 2)], pa.date64()),
        "instant": pa.array([aware], pa.timestamp("us", "UTC")),
        "instant elsewhere": pa.array([aware], pa.timestamp("us", "Asia/Tokyo")),
        "instant, milliseconds": pa.array([aware.replace(microsecond=0)], pa.timestamp("ms", "+05:30")),
        "instant, nanoseconds": pa.array([NANOSECONDS], pa.int64()).cast(pa.timestamp("ns", "America/New_York")),
    }
    for name, column in columns.items():
        write(master, "video_topic", watched(1, user_id=[name], timestamp=column))
    int96 = {"timestamp": columns["nanoseconds"], "user_id": ["INT96"]}
    write(master, "video_topic", watched(1, **int96), use_deprecated_int96_timestamps=True)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_every_type_of_time_is_read(tmp_path: Path, zone: str) -> None:
    """What carries no zone is the platform's local time, the first where it comes twice; what does, and INT96, is an instant."""
    typed(tmp_path / "master")
    seen = see(tmp_path / "master", "video_topic", Settings(platform_zone=zone))
    local = LOCAL if zone == "UTC" else FIRST_IN_NEW_YORK
    midnight = datetime.fromisoformat("2025-11-02 00:00:00" if zone == "UTC" else "2025-11-02 04:00:00")
    assert seen.by_user() == {
        "seconds": local.replace(microsecond=0),
        "milliseconds": local.replace(microsecond=123000),
        "microseconds": local,
        "nanoseconds": local,
        "day": midnight,
        "day in milliseconds": midnight,
        "instant": LOCAL,
        "instant elsewhere": LOCAL,
        "instant, milliseconds": LOCAL.replace(microsecond=0),
        "instant, nanoseconds": LOCAL,
        "INT96": LOCAL,
    }


def test_what_is_no_time_is_quarantined(tmp_path: Path) -> None:
    """Small numbers, truths, times of day, lists: never guessed at; a column of nothing is a missing time."""
    columns = {
        "small integer": pa.array([99_999_999]),
        "not a number": pa.array([float("nan")]),
        "boolean": pa.array([True]),
        "time of day": pa.array([LOCAL.time()]),
        "list": pa.array([["2025-11-02 01:30:00"]]),
        "struct": pa.array([{"at": "2025-11-02 01:30:00"}]),
        "null": pa.nulls(1),
    }
    for name, column in columns.items():
        write(tmp_path / "master", "video_topic", watched(1, user_id=[name], timestamp=column))
    seen = see(tmp_path / "master", "video_topic")
    assert seen.events == []
    assert seen.quarantined == {"timestamp can't be read as a time": 6, "timestamp is missing": 1}


EPOCHS = {
    "seconds": "1762047000",
    "seconds with a fraction": "1762047000.5",
    "milliseconds": "1762047000500",
    "microseconds": "1762047000500000",
    "nanoseconds": "1762047000500000999",
    "the least": "100000000",
    "with an exponent": "1.7620470005e9",
}


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_number_counts_from_1970_in_what_its_size_says(tmp_path: Path, zone: str) -> None:
    """As a number or as its text, in columns of any type and in messages; whatever the platform's zone."""
    master = tmp_path / "master"
    for name, text in EPOCHS.items():
        kinds = {"text": [text], "decimal": pa.array([Decimal(text)], pa.decimal128(30, 9))}
        if name != "nanoseconds":  # more digits than a float holds
            kinds["float"] = [float(text)]
        if text.isdigit():
            kinds["integer"] = [int(text)]
        for kind, column in kinds.items():
            write(master, "video_topic", watched(1, user_id=[f"{name}, {kind}"], timestamp=column))
        number = {k: v[0] for k, v in watched(1, user_id=[f"{name}, JSON"]).items()} | {"timestamp": "NUMBER"}
        write(master, "video_topic", {"value": [json.dumps(number).replace('"NUMBER"', text)]})
    seen = see(master, "video_topic", Settings(platform_zone=zone))
    moments = dict.fromkeys(EPOCHS, datetime.fromisoformat("2025-11-02 01:30:00.500"))
    moments["seconds"] = datetime.fromisoformat("2025-11-02 01:30:00")
    moments["the least"] = datetime.fromisoformat("1973-03-03 09:46:40")
    read = seen.by_user()
    assert {name: moments[name.partition(",")[0]] for name in read} == read
    assert len(read) == 4 * len(EPOCHS) - 1 + sum(map(str.isdigit, EPOCHS.values()))


@pytest.mark.parametrize("zone", ZONES)
def test_no_number_is_too_large_for_a_run(tmp_path: Path, zone: str) -> None:
    """A time beyond the calendar makes its own event invalid, and fails no file."""
    far = [2**63 - 1, -(2**63) + 1, 253402300800000000, -62135596800000001]
    for zoned in (None, "UTC"):
        column = pa.array([*far, 1762047000000000], pa.int64()).cast(pa.timestamp("us", zoned))
        write(tmp_path / "master", "video_topic", watched(5, timestamp=column))
    seen = see(tmp_path / "master", "video_topic", Settings(platform_zone=zone))
    assert seen.quarantined == {"timestamp can't be read as a time": 8}
    assert len(seen.events) == 2


TEXTS = [
    "2025-12-10 14:30:00",
    "2025-12-10 14:30:00.5",
    "2025-12-10 14:30:00.123456",
    "2025-12-10 14:30:00.999999999",
    "2025-12-10 14:30:00,25",
    "2025-12-10T14:30:00",
    "2025-12-10T14:30:00Z",
    "2025-12-10T14:30:00.123Z",
    "2025-12-10T14:30:00.1234567Z",
    "2025-12-10 14:30:00Z",
    "2025-12-10T14:30:00+07:00",
    "2025-12-10T14:30:00-0330",
    "2025-12-10T14:30:00+05",
    "2025-12-10T23:59:59.999999-12:00",
    "2025-12-10T00:00:00+14:00",
    "2025-12-10T14:30",
    "2025-12-10T14:30+01:00",
    "2025-12-10",
    "20251210T143000Z",
    "20251210T143000.25+0700",
    "20251210T1430",
    "20251210",
    "  2025-12-10 14:30:00  ",
    "2024-02-29 12:00:00",
    "1969-12-31 23:59:59.9999999",
    "0001-01-02 00:00:00",
    "9999-12-30 23:59:59",
    "2025-03-09 02:30:00",  # skipped in New York
    "2025-11-02 01:30:00",  # twice in New York
    "2025-11-02T01:30:00.5",
]
NO_TEXTS = [
    "yesterday",
    "now",
    "epoch",
    "infinity",
    "10/12/2025",
    "2025-13-01 00:00:00",
    "2025-02-29 10:00:00",
    "2025-02-29T10:00:00Z",
    "2025-12-10 24:00:00",
    "2025-12-10 25:00:00",
    "2025-12-10 14:60:00",
    "2025-12-10 14:30:60",
    "2025-12-10T14:30:00+25:00",
    "2025-12-10T14:30:00+07:60",
    "2025-12-10T14:30:00 UTC",
    "2025-12-10 14:30:00 PM",
    "2025-1-2 03:04:05",
    "25-12-10 14:30:00",
    "2025-12-10 14:30:00.",
    "2025-12-10 14:30:00x",
    "x2025-12-10 14:30:00",
    "2025-W50-3",
    "2025-344",
    "99999999.9",
    "-2025-12-10",
    "٢٠٢٥-12-10 14:30:00",
    "0000-12-10 14:30:00",
    "10000-12-10 14:30:00",
    "2025-12-10 14:30:00'; DROP TABLE events; --",
]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("shape", ["flat", "envelope"])
def test_every_way_to_write_a_time_is_read_as_the_contract_says(tmp_path: Path, zone: str, shape: str) -> None:
    """ISO 8601 in all its forms, with and without an offset; digits beyond microseconds are cut, and nothing else passes."""
    texts = TEXTS + NO_TEXTS
    columns = watched(len(texts), timestamp=texts)
    if shape == "envelope":
        rows = pa.table(columns).to_pylist()
        columns = {"value": [json.dumps(row) for row in rows]}
    write(tmp_path / "master", "video_topic", columns)
    settings = Settings(platform_zone=zone, reporting_zone="Asia/Ho_Chi_Minh")
    seen = see(tmp_path / "master", "video_topic", settings)
    assert (seen.events, seen.quarantined.total()) == expected(tmp_path / "master", "video_topic", settings)
    implausible = {
        "timestamp isn't plausible: it is before 1970 or after 2200": seen.quarantined.total() - len(NO_TEXTS)
    }
    assert seen.quarantined == {"timestamp can't be read as a time": len(NO_TEXTS)} | implausible


TRANSITIONS = {
    "America/New_York": ["2025-03-09", "2025-11-02"],
    "Europe/London": ["2025-03-30", "2025-10-26"],
    "Australia/Lord_Howe": ["2025-04-06", "2025-10-05"],  # half an hour
    "Antarctica/Troll": ["2025-03-30", "2025-10-26"],  # two hours
    "America/Sao_Paulo": ["2018-02-18", "2018-11-04"],  # at midnight
    "Asia/Kathmandu": ["2025-06-01"],
    "Pacific/Chatham": ["2025-04-06", "2025-09-28"],
    "Pacific/Apia": ["2011-12-30"],  # a day that never was
    "America/Caracas": ["2007-12-09", "2016-05-01"],
    "Asia/Chita": ["2014-10-26"],
}


@pytest.mark.parametrize("zone", TRANSITIONS)
def test_local_times_are_right_around_every_change_of_the_clocks(zone: str) -> None:
    """The first of two, and the old offset for what was skipped; dates and hours follow the reporting zone."""
    step = timedelta(minutes=10)
    times = [
        datetime.fromisoformat(day) - timedelta(hours=5) + number * step
        for day in TRANSITIONS[zone]
        for number in range(200)
    ]
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for macro in macros(Zones(zone, zone)):
            connection.execute(macro)
        found = connection.execute(
            "SELECT platform_instant(t), reporting_time(t) FROM (SELECT unnest(?::TIMESTAMP[]) AS t)", [times]
        ).fetchall()
    there = ZoneInfo(zone)
    assert [row[0] for row in found] == [read_timestamp(time, there) for time in times]
    assert [row[1] for row in found] == [
        time.replace(tzinfo=UTC).astimezone(there).replace(tzinfo=None) for time in times
    ]
