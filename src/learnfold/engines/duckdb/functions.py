"""The SQL functions by which values are read and shown: macros of a session, for its time zones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.engines.duckdb.sql import quoted

if TYPE_CHECKING:
    from learnfold.settings import Zones

_ISO = (
    r"\s*(\d{4})-?(\d{2})-?(\d{2})(?:[Tt ]([01]\d|2[0-3])(?::?([0-5]\d)(?::?([0-5]\d)(?:[.,](\d{1,18}))?)?)?"
    r"\s*([Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?\s*"
)
"""ISO 8601 calendar forms, extended or basic, with T or a space, down to days; seconds' fractions and an offset may follow."""

_USUAL = r"\d{4}-\d{2}-\d{2}[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
_OFFSET = r"[+-](?:[01]\d|2[0-3]):[0-5]\d"
"""The part of it that DuckDB's own cast reads; the cast passes over an offset."""

_DAY_US = 24 * 3600 * 1_000_000

_SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""All white space there is."""


_LAX_NUMBER = "-?(?:[nN][aA][nN]|[iI][nN][fF])"
_LAX_JSON = (rf",\s*(?:[}}\]]|{_LAX_NUMBER})", rf":\s*{_LAX_NUMBER}", rf"\[\s*{_LAX_NUMBER}")
"""What is no JSON although ``json_valid`` lets it pass. Each begins with one certain letter, which is searched for three times as fast."""


def macros(zones: Zones) -> list[str]:
    """The statements that make the functions which the SELECTs and the subjects' derived columns use."""
    zone, report = quoted(zones.platform), quoted(zones.reporting)
    if zones.platform == "UTC":
        instant = "naive"
    else:  # a local time that the clocks show twice is the first of the two: by the offset of the day before
        later = f"epoch_us(timezone({zone}, naive))"
        day_before = f"({later} - {_DAY_US})"
        first = f"(epoch_us(naive) - (epoch_us(timezone({zone}, make_timestamptz({day_before}))) - {day_before}))"
        shown_twice = f"{first} < {later} AND epoch_us(timezone({zone}, make_timestamptz({first}))) = epoch_us(naive)"
        instant = f"make_timestamp(CASE WHEN {shown_twice} THEN {first} ELSE {later} END)"
    shown = "t" if zones.reporting == "UTC" else f"timezone({report}, timezone('UTC', t))"
    return [
        # nearly every text begins with a letter or digit, which is seen at once
        f"CREATE OR REPLACE MACRO is_blank(s) AS CASE WHEN unicode(s) BETWEEN 33 AND 127 THEN false ELSE trim(s, '{_SPACES}') = '' END",
        f"CREATE OR REPLACE MACRO reporting_time(t) AS {shown}",
        f"CREATE OR REPLACE MACRO platform_instant(naive) AS {instant}",
        r"CREATE OR REPLACE MACRO read_number(s) AS CASE WHEN regexp_full_match(s, "
        r"'\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*') THEN try_cast(s AS DOUBLE) END",
        "CREATE OR REPLACE MACRO whole_number(d) AS CASE WHEN d = trunc(d) AND d BETWEEN -2147483648 AND 2147483647 "
        "THEN CAST(d AS INTEGER) END",
        # where a text might hold a comma too many or a number like NaN, it is searched for once more outside strings
        f"CREATE OR REPLACE MACRO looks_lax(s) AS {' OR '.join(f'regexp_matches(s, {quoted(lax)})' for lax in _LAX_JSON)}",
        "CREATE OR REPLACE MACRO is_json(s) AS json_valid(s) AND CASE WHEN looks_lax(s) "
        r"""THEN NOT looks_lax(regexp_replace(s, '"(?:[^"\\]|\\.)*"', '""', 'g')) ELSE true END""",
        "CREATE OR REPLACE MACRO read_array(s) AS CASE WHEN is_json(s) THEN CASE WHEN json_type(s) = 'ARRAY' "
        "THEN CAST(CAST(s AS JSON) AS VARCHAR[]) END END",
        f"CREATE OR REPLACE MACRO iso_parts(s) AS regexp_extract(s, '^{_ISO}$', ['y','mo','d','h','mi','s','f','z'])",
        "CREATE OR REPLACE MACRO offset_minutes(z) AS CASE WHEN z IN ('', 'Z', 'z') THEN 0 ELSE "
        "(CASE WHEN z[1] = '-' THEN -1 ELSE 1 END) * (CAST(z[2:3] AS INTEGER) * 60 + "
        "CASE WHEN length(z) > 3 THEN CAST(right(z, 2) AS INTEGER) ELSE 0 END) END",
        "CREATE OR REPLACE MACRO iso_naive(p) AS CASE WHEN p.y <> '' THEN try_cast(concat(p.y, '-', p.mo, '-', p.d, ' ', "
        "CASE WHEN p.h = '' THEN '00' ELSE p.h END, ':', CASE WHEN p.mi = '' THEN '00' ELSE p.mi END, ':', "
        "CASE WHEN p.s = '' THEN '00' ELSE p.s END, CASE WHEN p.f = '' THEN '' ELSE '.' || p.f[1:6] END) AS TIMESTAMP) END",
        "CREATE OR REPLACE MACRO iso_instant(p) AS CASE WHEN p.z = '' THEN platform_instant(iso_naive(p)) "
        "ELSE iso_naive(p) - to_minutes(offset_minutes(p.z)) END",
        "CREATE OR REPLACE MACRO in_calendar(t) AS CASE WHEN t BETWEEN TIMESTAMP '0001-01-01' "
        "AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN t END",
        # nearly all are written in one of these ways, and a cast reads them ten times quicker
        "CREATE OR REPLACE MACRO read_instant(s) AS CASE WHEN s LIKE '____-__-__ __:__:__' AND s[12:13] < '24' "
        "THEN platform_instant(try_cast(s AS TIMESTAMP)) "
        f"WHEN regexp_full_match(s, '{_USUAL}Z') THEN try_cast(s AS TIMESTAMP) "
        f"WHEN regexp_full_match(s, '{_USUAL}{_OFFSET}') THEN try_cast(s AS TIMESTAMP) - to_minutes(offset_minutes(right(s, 6))) "
        f"WHEN regexp_full_match(s, '{_USUAL}') THEN platform_instant(try_cast(s AS TIMESTAMP)) "
        "ELSE iso_instant(iso_parts(s)) END",
    ]
