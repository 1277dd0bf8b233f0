"""Which all-time segments a rollup should have is chosen without making any."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from learnfold.batch.manifest import AllTimeSegment
from learnfold.batch.segments import LATE_DAYS, SegmentPlan, choose_segments

FIRST = date(2026, 1, 1)

DAYS = st.sets(st.integers(0, 120).map(lambda number: FIRST + timedelta(days=number)), max_size=60)


def span(first: int, last: int) -> frozenset[date]:
    """The days of these numbers from the first of January on, both ends among them."""
    return frozenset(FIRST + timedelta(days=number) for number in range(first, last + 1))


def made(plans: list[SegmentPlan]) -> list[AllTimeSegment]:
    """The segments once they are made, and of use."""
    return [
        plan.existing or AllTimeSegment(f"{min(plan.days)} {len(plan.days)}", 1, 1, sorted(plan.days), 100)
        for plan in plans
    ]


def test_the_first_is_of_all_days_that_are_over() -> None:
    """January whole and eight days of February; the others may still get late events."""
    (plan,) = choose_segments(span(0, 45), [], None)
    assert (plan.days, plan.existing, plan.smaller) == (span(0, 38), None, ())


def test_the_large_one_grows_by_the_new_days() -> None:
    """It is read in place of its days."""
    before = choose_segments(span(0, 45), [], None)
    (plan,) = choose_segments(span(0, 52), made(before), set(span(46, 52)))
    assert (plan.days, [part.days for part in plan.smaller]) == (span(0, 46), [span(0, 38)])


def test_a_late_day_costs_its_own_month() -> None:
    """The second time: the first time the months are made that the large one is made of."""
    months = choose_segments(span(0, 70), made(choose_segments(span(0, 70), [], None)), {date(2026, 1, 5)})
    assert [plan.days for plan in months] == [span(0, 30), span(31, 58), span(59, 66), span(0, 66)]
    again = choose_segments(span(0, 70), made(months), {date(2026, 1, 6)})
    assert [plan.existing is None for plan in again] == [True, False, False, True]


def test_nothing_new_makes_nothing() -> None:
    """Days that are too new to be merged change nothing either."""
    before = made(choose_segments(span(0, 45), [], None))
    plans = choose_segments(span(0, 46), before, {FIRST + timedelta(days=46)})
    assert [plan.existing for plan in plans] == before


@given(st.lists(st.tuples(DAYS, DAYS), min_size=1, max_size=6))
def test_segments_hold_what_their_days_hold(steps: list[tuple[set[date], set[date]]]) -> None:
    """Whatever comes, is folded again or goes: none with a touched day stays, and the largest is all that may be merged."""
    days: set[date] = set()
    segments: list[AllTimeSegment] = []
    for come, touched in steps:
        days, gone = days | come, days & touched - come
        days -= gone
        plans = choose_segments(days, segments, come | gone)
        for plan in plans:
            assert plan.days <= days
            assert plan.existing is None or (plan.existing in segments and not plan.days & (come | gone))
            parts = [part.days for part in plan.smaller]
            assert sum(map(len, parts)) == len(frozenset().union(*parts)), "no day is read twice"
            assert frozenset().union(*parts) <= plan.days
            assert all(part.existing or part in plans for part in plan.smaller), "made before, or there"
        largest = max((plan.days for plan in plans), key=len, default=frozenset())
        assert all(plan.days <= largest for plan in plans)
        assert not largest or max(largest) <= max(days) - timedelta(days=LATE_DAYS)
        segments = made(plans)
