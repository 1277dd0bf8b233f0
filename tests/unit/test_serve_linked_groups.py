"""Views of other groups over the same events tell nothing of a small group: sums and differences of all that is shown are tried."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st
from small_catalog import read

from conftest import tries
from learnfold.catalog import load
from learnfold.catalog.meeting import families, meetings
from learnfold.catalog.people import people_of
from learnfold.serve.forms import Form, Made, can_withhold
from learnfold.serve.small_groups import SUPPRESSED
from promises.typed_events import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEWS = {view.name: view for view in load().views.values() if can_withhold(view)}
FAMILY = families(VIEWS.values())["course_daily_engagement"]
LEAST = 3
MONDAY = date(2025, 12, 1)
DAYS = [MONDAY + timedelta(days) for days in (0, 1, 7, 8)]
HOURS = (9, 20)

ENROLLED, DROPPED, OPENED, CLICKED = "COURSE_ENROLLED", "COURSE_DROPPED", "ACCESS_COURSE_MATERIAL", "ITEM_CLICK"
LOADED, WATCHED = "DOWNLOAD_MATERIAL", "VIDEO_WATCHED"
KINDS = {
    ENROLLED: (),
    DROPPED: (),
    OPENED: ("m1", "m2"),
    CLICKED: ("m1", "m2"),
    LOADED: ("r1", "r2"),
    WATCHED: ("v1", "v2"),
}

SHOWN = {
    "course_enrollment_stats": {"new_enrollments": {ENROLLED}},
    "course_daily_engagement": {"event_count": KINDS.keys() - {WATCHED}},
    "course_overall_metrics": {
        "total_enrollments": {ENROLLED},
        "total_material_accesses": {OPENED, CLICKED},
        "total_downloads": {LOADED},
    },
    "course_material_popularity": {"total_accesses": {OPENED, CLICKED}},
    "course_resource_download_stats": {"total_download_count": {LOADED}},
    "video_popularity": {"total_view_events": {WATCHED}},
    "video_drop_off_indicators": {"total_views": {WATCHED}},
    "video_daily_engagement": {"total_watch_events": {WATCHED}},
    "video_course_metrics": {"total_students_watching": {WATCHED}},
    "course_activity_hours": {"events": KINDS.keys()},
    "course_drops": {"enrolled": {ENROLLED}, "dropped": {DROPPED}},
}
"""By view its numbers that count events, and which: where everyone does one thing, people are counted so too."""


@dataclass(frozen=True)
class Did:
    """So many people did the same, each once."""

    kind: str
    day: date
    hour: int
    thing: str | None
    people: int = 0

    @property
    def cell(self) -> tuple[str, date, int, str | None]:
        """What they did."""
        return self.kind, self.day, self.hour, self.thing

    def is_in(self, key: dict[str, Any]) -> bool:
        """Whether a row with this key is about it."""
        parts = {
            "course_id": "c",
            "date": self.day,
            "week": self.day - timedelta(self.day.weekday()),
            "weekday": self.day.isoweekday(),
            "hour": self.hour,
            "event_type": self.kind,
            "material_type": None,
        }
        return all(parts.get(part, self.thing) == value for part, value in key.items())


def things(kind: str) -> tuple[str | None, ...]:
    """What it can be done with."""
    return KINDS[kind] or (None,)


@st.composite
def worlds(draw: st.DrawFn) -> list[Did]:
    """What people did in a course: often few the same."""
    some = st.sampled_from(list(KINDS)).flatmap(
        lambda kind: st.tuples(
            st.just(kind), st.sampled_from(DAYS), st.sampled_from(HOURS), st.sampled_from(things(kind))
        )
    )
    cells = draw(st.lists(some, min_size=1, max_size=16, unique=True))
    return [Did(*cell, people=draw(st.sampled_from([1, 2, 4, 7, 9]))) for cell in cells]


def shown(world: list[Did]) -> dict[str, list[dict[str, Any]]]:
    """By view its rows, numbers as they are, and whether they are withheld from a role that sees groups of LEAST."""
    with duckdb.connect() as connection:
        answer(connection, world)
        database = SimpleNamespace(
            execute=lambda sql: connection.execute(sql).fetchall(),
            rows=lambda sql, *_: connection.execute(sql).fetchall(),
        )
        Form(least_people=LEAST).make([Made(v, v.name, f"{v.name}_form") for v in FAMILY], database)  # type: ignore[arg-type]
        found = {}
        for view in FAMILY:
            same = " AND ".join(f"p.{part} IS NOT DISTINCT FROM f.{part}" for part in view.key)
            cursor = connection.execute(
                f"SELECT p.*, {SUPPRESSED} FROM {view.name} AS p JOIN {view.name}_form AS f ON {same}"
            )
            names = [column[0] for column in cursor.description or ()]
            found[view.name] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return found


def answer(connection: duckdb.DuckDBPyConnection, world: list[Did]) -> None:
    """Makes a table of each view, of what everyone did once."""
    held: dict[str, list[tuple[object, ...]]] = {topic.name: [] for view in FAMILY for topic in view.topics}
    for number, did in enumerate(world):
        topic = load().topics["video_topic" if did.kind == WATCHED else "course_topic"]
        part = {"m": "material_id", "r": "resource_id", "v": "video_id"}.get((did.thing or "-")[0], "-")
        event = {"event_type": did.kind, "date": did.day, "hour": did.hour, "course_id": "c", part: did.thing}
        event["timestamp"] = datetime(did.day.year, did.day.month, did.day.day, did.hour)  # noqa: DTZ001 - stored times have no zone
        for person in range(did.people):
            event["user_id"] = event["session_id"] = f"{number}-{person}"
            held[topic.name].append(tuple(event.get(field.name) for field in topic.fields))
    rollups = {rollup.name: rollup for view in FAMILY for rollup in view.all_rollups}
    fold(connection, rollups.values(), held)
    for view in FAMILY:
        connection.execute(f"CREATE TABLE {view.name} AS {view.rewrites[frozenset()].select}")


def numbers(rows: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any], str, dict[str, Any]]]:
    """Every number that counts events: its view, its row's key, its name, and its row."""
    for view, measures in SHOWN.items():
        for row, name in itertools.product(rows[view], measures):
            yield view, {part: row[part] for part in VIEWS[view].key}, name, row


def unknowns(rows: dict[str, list[dict[str, Any]]]) -> list[Did]:
    """All that can have been done, for all that the keys of rows tell: what no row is about wasn't."""
    every = [Did(kind, day, hour, thing) for kind in KINDS for day in DAYS for hour in HOURS for thing in things(kind)]
    for view, measures in SHOWN.items():
        keys = [{part: row[part] for part in VIEWS[view].key} for row in rows[view]]
        counted = set().union(*measures.values())
        every = [did for did in every if did.kind not in counted or any(did.is_in(key) for key in keys)]
    return every


PRIME = (1 << 61) - 1


class Sums:
    """All sums and differences of some sums of unknowns."""

    def __init__(self) -> None:
        self.basis: dict[int, list[int]] = {}

    def add(self, of: list[int]) -> None:
        """One more is known."""
        rest = self._rest(of)
        first = next((place for place, value in enumerate(rest) if value), None)
        if first is not None:
            scale = pow(rest[first], -1, PRIME)
            self.basis[first] = [value * scale % PRIME for value in rest]

    def tell(self, of: list[int]) -> bool:
        """Whether they give this sum."""
        return not any(self._rest(of))

    def _rest(self, of: list[int]) -> list[int]:
        rest = of
        for first in sorted(self.basis):
            if factor := rest[first]:
                rest = [(value - factor * its) % PRIME for value, its in zip(rest, self.basis[first], strict=True)]
        return rest


def told(world: list[Did]) -> list[str]:
    """Numbers about fewer than LEAST that somebody can work out who knows everything that is shown, unrounded."""
    rows = shown(world)
    every = unknowns(rows)
    known, hidden = Sums(), []
    for view, key, name, row in numbers(rows):
        about = [int(did.kind in SHOWN[view][name] and did.is_in(key)) for did in every]
        if not row[SUPPRESSED]:
            known.add(about)
        elif min(row[count] for count in people_of(VIEWS[view])) < LEAST and 0 < row[name] < LEAST:
            hidden.append((f"{view}.{name} of {key}", about))
    return [number for number, about in hidden if known.tell(about)]


@settings(max_examples=tries(8), derandomize=True)
@given(world=worlds())
def test_no_sum_or_difference_of_what_views_show_is_a_number_about_few_people(world: list[Did]) -> None:
    """Of all views of a course's events together, as exact as they are before rounding."""
    assert told(world) == []


def test_a_day_that_one_view_withholds_for_another_days_sake_is_withheld_in_views_of_other_groups_too() -> None:
    """Few dropped out on the day that many enrolled: how many enrolled is told by three views, and by none."""
    world = [
        Did(ENROLLED, DAYS[0], 9, None, 7),
        Did(DROPPED, DAYS[0], 9, None, 2),
        *(Did(kind, day, hour, None, 30) for kind in (ENROLLED, DROPPED) for day in DAYS[1:] for hour in HOURS),
    ]
    rows = shown(world)
    withheld = {name: [row for row in its if row[SUPPRESSED]] for name, its in rows.items()}
    enrolled = [row["date"] for row in withheld["course_daily_engagement"] if row["event_type"] == ENROLLED]
    assert DAYS[0] in enrolled
    assert DAYS[0] in [row["date"] for row in withheld["course_enrollment_stats"]]


def test_one_small_group_hides_little_of_what_many_do() -> None:
    """Of some forty rows of a course's views, two people with one material cost fewer than ten."""
    world = [
        Did(kind, day, hour, thing, 12)
        for kind in KINDS
        for day in DAYS
        for hour in HOURS
        for thing in things(kind)
        if thing != "m2"
    ]
    rows = [row for its in shown([*world, Did(OPENED, DAYS[0], 9, "m2", 2)]).values() for row in its]
    assert len(rows) > 40
    assert 2 <= sum(row[SUPPRESSED] for row in rows) < 10


def test_views_that_tell_of_the_same_events_are_known() -> None:
    """By topic and type of event; whoever adds a view is told where it stands."""
    groups = {tuple(view.name for view in group) for group in families(VIEWS.values()).values()}
    assert groups == {
        tuple(name for name in VIEWS if name in {*SHOWN, "assessment_submission_distribution"}),
        ("notification_delivery_stats", "notification_daily_activity"),
        ("profile_field_changes", "profile_daily_activity"),
        ("forum_daily_activity", "forum_thread_popularity"),
        ("auth_daily_active_users",),
        ("assessment_question_difficulty",),
    }


LENT_AND_READ = """
-- People who had a book in hand, folded by day.
CREATE TABLE hands AS
SELECT
  date,
  user_id,
  book_id,
  event_type,
  count(*) AS times  -- how often
FROM book_topic
GROUP BY ALL;
"""
TOLD = """
-- Who lent each book.
CREATE VIEW books_lent AS
SELECT
  book_id,
  count(DISTINCT user_id) AS people,  -- people
  sum(times)              AS times    -- how often
FROM hands
WHERE event_type = 'LENT'
GROUP BY ALL;

-- Who had each book in hand, and who read it.
-- key: book_id
CREATE VIEW books_in_hand AS
SELECT
  book_id,
  people,  -- people
  readers  -- of them, those who read it
FROM (
  SELECT
    everyone.book_id,
    everyone.people,
    coalesce(reading.readers, 0) AS readers
  FROM (
    SELECT book_id, count(DISTINCT user_id) AS people
    FROM hands
    GROUP BY ALL
  ) AS everyone
  LEFT JOIN (
    SELECT book_id, count(DISTINCT user_id) AS readers
    FROM hands
    WHERE event_type = 'READ'
    GROUP BY ALL
  ) AS reading
    ON everyone.book_id IS NOT DISTINCT FROM reading.book_id
) AS hands_in_all;
"""


def test_a_view_that_chooses_types_in_a_part_of_its_sql_alone_counts_any() -> None:
    """What it counts beside that part may be what another view withholds."""
    views = [view for view in read(rollup=LENT_AND_READ, view=TOLD).views.values() if can_withhold(view)]
    assert [view.name for view in families(views)["books_lent"]] == ["books_lent", "books_in_hand"]


def test_views_meet_in_what_their_keys_share_and_in_what_follows_from_a_date() -> None:
    """Of the types of events that both count."""
    found = {(one.one.name, one.other.name): one for one in meetings(VIEWS.values())}
    assert ("course_material_popularity", "course_resource_download_stats") not in found
    days = found["course_daily_engagement", "course_enrollment_stats"]
    assert days.by == (("date", "date"), ("course_id", "course_id"))
    assert days.slices == (f"event_type = '{ENROLLED}'",)
    back = found["course_enrollment_stats", "course_daily_engagement"]
    assert back.within == f"event_type IN ('{ENROLLED}')"
    weeks = found["course_drops", "course_enrollment_stats"]
    assert weeks.by == (("course_id", "course_id"), ("week", "CAST(date_trunc('week', date) AS DATE)"))
