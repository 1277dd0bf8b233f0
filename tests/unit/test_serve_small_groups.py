"""What small groups would tell is withheld: from any totals and parts that are shown, no withheld number can be worked out."""

from __future__ import annotations

import itertools
from collections import defaultdict
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnfold.catalog import load
from learnfold.catalog.people import extremes_of, people_of, persons_of
from learnfold.serve.forms import Form, Made, can_withhold
from learnfold.serve.small_groups import SUPPRESSED

if TYPE_CHECKING:
    from learnfold.catalog import View

VIEWS = {name: view for name, view in load().views.items() if can_withhold(view)}


def test_views_that_say_how_many_people_a_row_is_about_are_told_from_their_sql() -> None:
    """Those that count people and name nobody."""
    assert {name: people_of(view) for name, view in VIEWS.items()} == {
        "auth_daily_active_users": ("daily_active_users",),
        "assessment_submission_distribution": ("unique_students",),
        "video_popularity": ("unique_viewers",),
        "video_daily_engagement": ("active_video_watchers",),
        "video_course_metrics": ("total_students_watching",),
        "video_drop_off_indicators": ("unique_viewers",),
        "course_enrollment_stats": ("unique_new_students",),
        "course_material_popularity": ("unique_accessors",),
        "course_resource_download_stats": ("unique_downloaders",),
        "course_daily_engagement": ("unique_users",),
        "course_overall_metrics": ("unique_students_interacting",),
        "profile_field_changes": ("unique_users_updating",),
        "profile_daily_activity": ("unique_users",),
        "notification_delivery_stats": ("unique_recipients",),
        "notification_daily_activity": ("unique_users",),
        "forum_daily_activity": ("unique_users",),
        "assessment_question_difficulty": ("unique_students",),
        "forum_thread_popularity": ("unique_readers", "unique_authors"),
        "course_activity_hours": ("unique_students",),
        "course_drops": ("enrolled", "dropped"),
    }
    assert all(not persons_of(view) for view in VIEWS.values())


def values(view: View) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of the view with keys from small pools, so that they share parts of it."""
    kinds = {
        "VARCHAR": st.sampled_from([None, "a", "b", "c"]),
        "DATE": st.sampled_from(["2025-12-01", "2025-12-02", "2025-12-03"]),
        "BIGINT": st.integers(1, 12) | st.integers(1, 5000),
        "INTEGER": st.integers(0, 3),
        "TIMESTAMP": st.just("2025-12-01 10:00:00"),
        "DOUBLE": st.integers(0, 5000).map(lambda number: number / 7),
    }
    row = st.fixed_dictionaries({column.name: kinds[column.type] for column in view.columns})
    return st.lists(row, max_size=14, unique_by=lambda row: tuple(row[name] for name in view.key))


def shown(view: View, rows: list[dict[str, Any]], least: int) -> list[dict[str, Any]]:
    """The rows in the form that withholds small groups."""
    with duckdb.connect() as connection:
        columns = ", ".join(f"{column.name} {column.type}" for column in view.columns)
        connection.execute(f"CREATE TABLE source ({columns})")
        marks = ", ".join("?" for _ in view.columns)
        for row in rows:
            connection.execute(f"INSERT INTO source VALUES ({marks})", [row[column.name] for column in view.columns])
        database = SimpleNamespace(
            execute=lambda sql, parameters=(): connection.execute(sql, list(parameters)),
            rows=lambda sql, parameters, _seconds: connection.execute(sql, list(parameters)).fetchall(),
        )
        Form(least_people=least).make([Made(view, "source", "target")], database)
        cursor = connection.execute("SELECT * FROM target")
        names = [column[0] for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in found:
        row.update({c.name: row[c.name].isoformat() for c in view.columns if c.type == "DATE"})
    return found


@pytest.mark.parametrize("name", VIEWS)
@given(data=st.data(), least=st.integers(2, 6))
def test_no_withheld_number_can_be_worked_out(name: str, data: st.DataObject, least: int) -> None:
    """An attacker knows every total over one part of the key or more, as a view would show it, and every row that is shown."""
    view = VIEWS[name]
    rows = data.draw(values(view))
    people, measures = people_of(view)[0], [c.name for c in view.columns if not c.key and c.type == "BIGINT"]
    found = {tuple(row[c] for c in view.key): row for row in shown(view, rows, least)}
    assert found.keys() == {tuple(row[c] for c in view.key) for row in rows}
    for row in rows:
        seen = found[tuple(row[c] for c in view.key)]
        assert seen[SUPPRESSED] or row[people] >= least
        for column in view.columns:
            if seen[SUPPRESSED] and not column.key:
                assert seen[column.name] is None
    for size in range(len(view.key)):
        for parts in itertools.combinations(view.key, size):
            groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
            for row in rows:
                groups[tuple(row[c] for c in parts)].append(row)
            for group in groups.values():
                attack(view, group, found, measures, least)


def attack(
    view: View, group: list[dict[str, Any]], found: dict[Any, dict[str, Any]], measures: list[str], least: int
) -> None:
    """Subtracts what is shown from the total; what is left must be of several rows, and not known to one."""
    seen = [found[tuple(row[c] for c in view.key)] for row in group]
    withheld = [row for row, about in zip(group, seen, strict=True) if about[SUPPRESSED]]
    visible = [about for about in seen if not about[SUPPRESSED]]
    if not withheld or not visible:
        return
    for name in measures:
        total = sum(row[name] for row in group) // least * least
        rest = total - sum(about[name] for about in visible)
        steps = [
            whole_step(row[name], people_in(view, row), least)
            for row, about in zip(group, seen, strict=True)
            if not about[SUPPRESSED]
        ]
        lowest, highest = rest - sum(steps) + len(steps), rest + least - 1
        assert lowest <= sum(row[name] for row in withheld) <= highest
        assert highest > lowest


def people_in(view: View, row: dict[str, Any]) -> int:
    """About how many people the row is, at least."""
    return min(row[name] for name in people_of(view))


def step(least: Fraction) -> Fraction:
    """The smallest of 1, 2, 5, 10 … and of 0.5, 0.2 … that is at least so large."""
    steps = (Fraction(digit) * Fraction(10) ** power for power in range(-12, 12) for digit in (1, 2, 5))
    return next(one for one in steps if one >= least)


def whole_step(value: int, people: int, least: int) -> int:
    """In which steps a whole number of so many people is shown."""
    return int(least * step(max(Fraction(value, people * least), Fraction(1))))


@pytest.mark.parametrize("name", VIEWS)
@given(data=st.data(), least=st.integers(2, 6))
def test_a_number_is_shown_no_finer_than_one_persons_part_of_it(name: str, data: st.DataObject, least: int) -> None:
    """So a batch with one person more, or a total without one, tells that person's part no better than that."""
    view = VIEWS[name]
    rows = data.draw(values(view))
    found = {tuple(row[c] for c in view.key): row for row in shown(view, rows, least)}
    for row in rows:
        seen, people = found[tuple(row[c] for c in view.key)], people_in(view, row)
        for column in (c for c in view.columns if not c.key and not seen[SUPPRESSED]):
            value, told = row[column.name], seen[column.name]
            if column.name in extremes_of(view) or column.type == "TIMESTAMP":
                assert told is None
            elif column.type in {"BIGINT", "INTEGER"}:
                size = whole_step(value, people, least)
                assert told == value // size * size
                assert size * people >= value
            elif column.type == "DOUBLE" and value:
                size = step(max(Fraction(value) / people, Fraction(value) / 1000))
                assert told == pytest.approx(value, abs=float(size) * 0.501)
                assert told / float(size) == pytest.approx(round(told / float(size)))
                assert abs(Fraction(told) / size - round(Fraction(told) / size)) < Fraction(1, 10**6)


def test_what_is_one_persons_is_told_from_the_sql() -> None:
    """The least and the most of something are one event's."""
    assert {name: extremes_of(view) for name, view in VIEWS.items() if extremes_of(view)} == {
        "video_drop_off_indicators": ("min_watch_duration",),
        "forum_thread_popularity": ("last_activity",),
    }


SAME_GROUPS = [("video_popularity", "video_drop_off_indicators")]
"""Views that count the same people in the same groups."""


def test_views_that_count_the_same_people_in_the_same_groups_are_known() -> None:
    """By key, count and rollup; who adds one more is told to put it beside its like."""
    found = [
        (one, other)
        for one, other in itertools.combinations(VIEWS, 2)
        if VIEWS[one].key == VIEWS[other].key
        and people_of(VIEWS[one]) == people_of(VIEWS[other])
        and VIEWS[one].rollups == VIEWS[other].rollups
    ]
    assert found == SAME_GROUPS


@pytest.mark.parametrize(("one", "other"), SAME_GROUPS)
@given(data=st.data(), least=st.integers(2, 6))
def test_views_of_the_same_groups_withhold_the_same_rows(one: str, other: str, data: st.DataObject, least: int) -> None:
    """So what one withholds as another's complement can't be read from the other."""
    keyed = data.draw(values(VIEWS[one]))
    more = data.draw(st.lists(values(VIEWS[other]).filter(bool), min_size=1, max_size=1))[0][0]
    same = [more | {name: row[name] for name in (*VIEWS[one].key, *people_of(VIEWS[one]))} for row in keyed]
    withheld = [
        {tuple(row[c] for c in VIEWS[name].key): row[SUPPRESSED] for row in shown(VIEWS[name], rows, least)}
        for name, rows in ((one, keyed), (other, same))
    ]
    assert withheld[0] == withheld[1]


@pytest.mark.parametrize("name", VIEWS)
@given(data=st.data())
def test_a_row_that_is_withheld_isnt_alone(name: str, data: st.DataObject) -> None:
    """Among the rows that differ from it in one part of the key, another is withheld too, unless there is none."""
    view = VIEWS[name]
    rows = data.draw(values(view))
    found = shown(view, rows, 5)
    for part in view.key:
        others = [name for name in view.key if name != part]
        groups: dict[tuple[Any, ...], list[bool]] = defaultdict(list)
        for row in found:
            groups[tuple(row[c] for c in others)].append(row[SUPPRESSED])
        for group in groups.values():
            assert group.count(True) != 1 or len(group) == 1


def test_one_person_more_doesnt_tell_how_many_there_were() -> None:
    """A row that comes to be shown looks the same whether one person joined or five: what was withheld isn't known from it."""
    view = VIEWS["video_course_metrics"]

    def answer(people: int) -> list[dict[str, Any]]:
        rows = [
            {
                "course_id": course,
                "total_students_watching": many,
                "total_videos_in_course": 20,
                "total_course_watch_seconds": 1000.0,
                "total_course_watch_hours": 1.0,
            }
            for course, many in (("a", people), ("b", 3), ("c", 2), ("d", 90))
        ]
        return shown(view, rows, 5)

    assert answer(1) == answer(4)
    assert answer(5) == answer(9)
    assert answer(4) != answer(5)
