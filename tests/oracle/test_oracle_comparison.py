"""What counts as the same answer."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from oracle import same

KEY = ("user_id", "course_id")


def row(user_id="u1", course_id="c1", **columns):
    """A row under a key."""
    return {"user_id": user_id, "course_id": course_id} | columns


def test_the_same_rows_in_another_order_are_the_same():
    """Rows are matched by key, a NULL in it too, and columns by name."""
    expected = [row(n=1), row(course_id=None, n=2)]
    assert same(expected, [{"n": 2, "course_id": None, "user_id": "u1"}, row(n=1)], KEY) == []


def test_more_columns_than_expected_are_allowed():
    """The contract lets a view have more columns."""
    assert same([row(n=1)], [row(n=1, more=5)], KEY) == []


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (0.1 + 0.2, 0.3),
        (1e12, 1e12 + 100),
        (0.0, 1e-10),
        (3, 3.0),
        (3, 3.0000000001),
        (3.0, 3),
        (None, None),
        ("a", "a"),
        (datetime(2024, 3, 1), datetime(2024, 3, 1)),  # noqa: DTZ001 - times are naive UTC
    ],
)
def test_equal_enough_is_the_same(expected, actual):
    """Doubles are compared to 1e-9, relative or absolute, and a whole number with a double as doubles."""
    assert same([row(n=expected)], [row(n=actual)], KEY) == []


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (1.0, 1.00000001),
        (0.0, 1e-8),
        (10**12, 10**12 + 1),
        (1, True),
        (0, None),
        (None, 0),
        (1.0, float("nan")),
        (None, float("nan")),
        ("1", 1),
        ("a", "A"),
        (date(2024, 3, 1), datetime(2024, 3, 1)),  # noqa: DTZ001 - times are naive UTC
        (datetime(2024, 3, 1), datetime(2024, 3, 1, tzinfo=UTC)),  # noqa: DTZ001 - times are naive UTC
        (datetime(2024, 3, 1), datetime(2024, 3, 1, 0, 0, 0, 1)),  # noqa: DTZ001 - times are naive UTC
    ],
)
def test_a_difference_is_named_with_its_row_and_column(expected, actual):
    """All but doubles is exact: whole numbers, texts, NULLs, booleans, times."""
    line = f"user_id='u1', course_id='c1': n expected {expected!r}, got {actual!r}"
    assert same([row(n=expected)], [row(n=actual)], KEY) == [line]


def test_every_difference_is_reported():
    """A row too few, one too many, one there twice, one expected twice, a column that lacks: a line for each."""
    expected = [row("few", n=1), row("twice", n=1), row("lacks", n=1, m=1), row("double", n=1), row("double", n=2)]
    actual = [row("twice", n=1), row("twice", n=1), row("lacks", n=1), row("many", n=1), row("double", n=1)]
    assert same(expected, actual, KEY) == [
        "user_id='double', course_id='c1': expected 2 times, a key is unique",
        "user_id='few', course_id='c1': missing, expected {'user_id': 'few', 'course_id': 'c1', 'n': 1}",
        "user_id='lacks', course_id='c1': no column m",
        "user_id='many', course_id='c1': not expected (1 times), the first is "
        + repr({"user_id": "many", "course_id": "c1", "n": 1}),
        "user_id='twice', course_id='c1': there 2 times",
    ]


def test_a_row_without_a_key_column_is_not_one_with_a_null_there():
    """A dropped key column can't hide behind NULL."""
    assert len(same([row(course_id=None, n=1)], [{"user_id": "u1", "n": 1}], KEY)) == 2
