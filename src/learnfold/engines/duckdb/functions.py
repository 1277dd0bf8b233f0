"""The SQL functions by which values are read and shown: macros of a session, for its time zones."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from learnfold.catalog import values
from learnfold.catalog.thresholds import SETTING, UNTIL, days_ahead, names, value
from learnfold.engines.duckdb.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.settings import Settings, Zones

_ISO = (
    r"\s*(\d{4})-?(\d{2})-?(\d{2})(?:[Tt ]([01]\d|2[0-3])(?::?([0-5]\d)(?::?([0-5]\d)(?:[.,](\d{1,18}))?)?)?"
    r"\s*([Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?\s*"
)
"""ISO 8601 calendar forms, extended or basic, with T or a space, down to days; seconds' fractions and an offset may follow."""

_USUAL = r"\d{4}-\d{2}-\d{2}[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
_OFFSET = r"[+-](?:[01]\d|2[0-3]):[0-5]\d"
"""The part of it that DuckDB's own cast reads; the cast passes over an offset."""

TODAY = "CAST(make_timestamp(epoch_us(now())) AS DATE)"
"""The clock's day, UTC."""

_DAY_US = 24 * 3600 * 1_000_000

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
        f"CREATE OR REPLACE MACRO is_blank(s) AS CASE WHEN unicode(s) BETWEEN 33 AND 127 THEN false ELSE trim(s, '{values.SPACES}') = '' END",
        f"CREATE OR REPLACE MACRO reporting_time(t) AS {shown}",
        f"CREATE OR REPLACE MACRO platform_instant(naive) AS {instant}",
        r"CREATE OR REPLACE MACRO read_number(s) AS CASE WHEN regexp_full_match(s, "
        r"'\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*') THEN try_cast(s AS DOUBLE) END",
        "CREATE OR REPLACE MACRO finite(d) AS CASE WHEN isfinite(d) THEN d END",
        "CREATE OR REPLACE MACRO whole_number(d) AS CASE WHEN isfinite(d) AND d = trunc(d) AND d BETWEEN -2147483648 AND 2147483647 "
        "THEN CAST(d AS INTEGER) END",
        # half up; below zero away from it, so that it stays below zero
        "CREATE OR REPLACE MACRO rounded_number(d) AS whole_number(CASE WHEN d < 0 THEN floor(d) ELSE floor(d + 0.5) END)",
        *_texts(),
        # where a text might hold a comma too many or a number like NaN, it is searched for once more outside strings
        f"CREATE OR REPLACE MACRO looks_lax(s) AS {' OR '.join(f'regexp_matches(s, {quoted(lax)})' for lax in _LAX_JSON)}",
        "CREATE OR REPLACE MACRO is_json(s) AS json_valid(s) AND CASE WHEN looks_lax(s) "
        r"""THEN NOT looks_lax(regexp_replace(s, '"(?:[^"\\]|\\.)*"', '""', 'g')) ELSE true END""",
        "CREATE OR REPLACE MACRO read_array(s) AS CASE WHEN is_json(s) THEN CASE WHEN json_type(s) = 'ARRAY' "
        "THEN CAST(CAST(s AS JSON) AS VARCHAR[]) END END",
        *_objects(),
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
        # nearly all are written in one of these ways, and a cast reads them ten times quicker; what it can't read, nothing can
        "CREATE OR REPLACE MACRO quick_instant(s) AS CASE WHEN strlen(s) = 19 AND "
        f"regexp_full_match(s, '{_USUAL}') THEN platform_instant(try_cast(s AS TIMESTAMP)) "
        f"WHEN regexp_full_match(s, '{_USUAL}Z') THEN try_cast(s AS TIMESTAMP) "
        f"WHEN regexp_full_match(s, '{_USUAL}{_OFFSET}') THEN try_cast(s AS TIMESTAMP) - to_minutes(offset_minutes(right(s, 6))) "
        f"WHEN regexp_full_match(s, '{_USUAL}') THEN platform_instant(try_cast(s AS TIMESTAMP)) "
        "WHEN is_epoch(s) THEN read_epoch(try_cast(s AS DECIMAL(29, 9))) END",
        "CREATE OR REPLACE MACRO read_instant(s) AS coalesce(quick_instant(s), iso_instant(iso_parts(s)))",
    ]


def thresholds(settings: Settings) -> list[str]:
    """The statements that make the functions by which views ask for settings, and for the last day that is believed."""
    numbers = " ".join(f"WHEN '{name}' THEN CAST({value(settings, name)!r} AS DOUBLE)" for name in names())
    return [
        f"CREATE OR REPLACE MACRO {SETTING}(name) AS CASE name {numbers} END",
        f"CREATE OR REPLACE MACRO {UNTIL}() AS {TODAY} + {days_ahead(settings)}",
    ]


def _texts() -> list[str]:
    """The functions that read texts and ids."""
    spaces = quoted(values.SPACES)
    roles = " ".join(f"WHEN {_in('r', (role, *others))} THEN {quoted(role)}" for role, others in values.ROLES.items())
    small, large = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    nil = values.NO_IDS[-1]
    first, _ = values.EPOCHS[0]
    return [
        "CREATE OR REPLACE MACRO read_text(s) AS CASE WHEN unicode(s) BETWEEN 33 AND 127 THEN s WHEN is_blank(s) THEN NULL ELSE s END",
        # in capitals from a letter on to a last character that is no white space
        "CREATE OR REPLACE MACRO read_event_type(s) AS CASE WHEN s >= 'A' AND s < '[' AND s = upper(s) AND s[-1] BETWEEN '!' AND '~' THEN s "
        f"ELSE read_text(translate(trim(s, {spaces}), '{small}', '{large}')) END",
        f"CREATE OR REPLACE MACRO role_of(r) AS CASE {roles} ELSE read_text(r) END",
        f"CREATE OR REPLACE MACRO read_role(s) AS CASE WHEN {_in('s', values.ROLES)} THEN s "
        f"ELSE role_of(translate(trim(s, {spaces}), '{large}', '{small}')) END",
        # nearly every id begins with a character that nothing which stands for none begins with, and a UUID is written in small letters
        f"CREATE OR REPLACE MACRO read_event_id(s) AS CASE WHEN ({_begins_otherwise('s', values.NO_IDS)}) "
        f"AND (strlen(s) <> {len(nil)} OR s = lower(s)) THEN s WHEN length(s) = {len(nil)} THEN "
        f"CASE WHEN s = '{nil}' THEN NULL WHEN regexp_full_match(s, '{values.UUID}') THEN lower(s) ELSE read_text(s) END "
        f"WHEN length(s) < 10 AND {_in('lower(s)', values.NO_IDS)} THEN NULL ELSE read_text(s) END",
        f"CREATE OR REPLACE MACRO whole_decimal(d) AS CASE WHEN d = trunc(d) AND abs(d) < {values.MOST_ID} THEN CAST(CAST(d AS BIGINT) AS VARCHAR) END",
        "CREATE OR REPLACE MACRO plain_id(s) AS CASE WHEN s NOT SIMILAR TO '-?[0-9]+' THEN whole_decimal(try_cast(s AS DECIMAL(38, 16))) END",
        f"CREATE OR REPLACE MACRO is_epoch(s) AS regexp_full_match(s, '\\s*{values.NUMBER}\\s*') AND coalesce(try_cast(s AS DOUBLE) >= {first}, false)",
        f"CREATE OR REPLACE MACRO read_epoch(d) AS CASE {_epochs()} END",
    ]


def _objects() -> list[str]:
    """The functions that read JSON objects in which a name may be given twice: the last counts."""
    places = "list_sort(list_transform(range(1, len(m.k) + 1), lambda i: {'k': m.k[i], 'i': i}))"
    last = "list_filter(p, lambda x, n: n = len(p) OR p[n + 1].k <> x.k)"
    members = f"array_to_string(list_transform({last}, lambda x: concat(to_json(x.k), ':', m.v[x.i])), ',')"
    # a list of one gives a name to what would be worked out again for each member
    objects = f"list_transform([{places}], lambda p: concat('{{', {members}, '}}'))[1]"
    return [
        f"CREATE OR REPLACE MACRO single_names(s) AS list_transform([{{'k': json_keys(s), 'v': json_extract(s, '$.*')}}], lambda m: {objects})[1]",
        "CREATE OR REPLACE MACRO some_twice(names) AS list_unique(names) < len(names)",
    ]


def _epochs() -> str:
    """Microseconds since 1970 as a time, from a number of what its size says."""
    ends = [size for size, _ in values.EPOCHS[1:]] + [values.EPOCHS[-1][0] * 1000]
    cases = []
    for (size, per_second), end in zip(values.EPOCHS, ends, strict=True):
        micros = (
            f"trunc(d * {10**6 // per_second})"
            if per_second <= 10**6
            else f"CAST(trunc(d) AS HUGEINT) // {per_second // 10**6}"
        )
        cases.append(f"WHEN d >= {size} AND d < {end} THEN make_timestamp(CAST({micros} AS BIGINT))")
    return " ".join(cases)


def _in(text: str, words: Iterable[str]) -> str:
    return f"{text} IN ({', '.join(map(quoted, words))})"


def _begins_otherwise(text: str, words: Iterable[str]) -> str:
    """SQL that is true where a text begins with a character of ASCII, no white space, that none of the words begins with."""
    taken = {letter for word in words for letter in (word[0].lower(), word[0].upper())}
    ends = [chr(32), *sorted(taken), chr(127)]
    runs = [(chr(ord(one) + 1), other) for one, other in itertools.pairwise(ends) if ord(other) - ord(one) > 1]
    return " OR ".join(f"{text} >= {quoted(first)} AND {text} < {quoted(end)}" for first, end in runs)
