"""What the oracle says each view holds: small titled cases, each expected row worked out by hand from the contract."""

from __future__ import annotations

import pytest

from oracle import (
    KEYS,
    VIEWS,
    Message,
    answers,
    cases_assessment,
    cases_auth,
    cases_course,
    cases_insight,
    cases_profile_notification,
    cases_video,
    same,
)
from oracle.case import DAY, events, rows

CASES = [
    *cases_auth.CASES,
    *cases_assessment.CASES,
    *cases_video.CASES,
    *cases_course.CASES,
    *cases_profile_notification.CASES,
    *cases_insight.CASES,
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.view}: {case.title}" for case in CASES])
def test_a_view_holds_what_was_worked_out_by_hand(case):
    """All rows of the view and all their columns, whichever way round the events came."""
    own = case.view.split("_")[0] + "_topic"
    by_topic = case.events if isinstance(case.events, dict) else {own: case.events}
    for step in (1, -1):
        messages = {topic: [Message(event) for event in sent[::step]] for topic, sent in by_topic.items()}
        found = answers(messages, reporting_zone=case.reporting_zone)[case.view]
        assert same(case.rows, found, KEYS[case.view]) == []
        assert {tuple(sorted(row)) for row in case.rows} == {tuple(sorted(row)) for row in found}


@pytest.mark.parametrize("case", CASES, ids=[f"{case.view}: {case.title}" for case in CASES])
def test_a_case_is_of_the_views_own_key(case):
    """The rows written by hand begin with the view's key columns, and no two have the same key."""
    key = KEYS[case.view]
    assert all(tuple(row)[: len(key)] == key for row in case.rows)
    assert len({tuple(row[column] for column in key) for row in case.rows}) == len(case.rows)


def test_every_view_has_a_case():
    """A view without a hand-written case would be nobody's second reading."""
    assert set(VIEWS) == set(KEYS) == {case.view for case in CASES}


def test_no_messages_give_empty_views():
    """A topic without messages may be left out; no view has a row of its own making."""
    assert answers({}) == {name: [] for name in VIEWS}


def test_answers_reads_deduplicates_and_looks_at_each_topic_alone():
    """Copies count once, an invalid message nowhere, and one event_id on two topics is two events."""
    auth = '{"event_id": "e", "event_type": "LOGIN", "user_id": "u1", "timestamp": "2024-03-02 00:30:00"}'
    profile = auth.replace("LOGIN", "UPDATE_PROFILE")
    found = answers(
        {"auth_topic": [Message(auth), Message(auth.encode()), Message("{")], "profile_topic": [Message(profile)]},
        platform_zone="Europe/Berlin",
        reporting_zone="America/New_York",
    )
    assert found["auth_hourly_login_patterns"] == rows("date hour login_count", (DAY, 18, 1))
    assert found["profile_daily_activity"] == rows(
        "date event_type unique_users event_count", (DAY, "UPDATE_PROFILE", 1, 1)
    )


def test_a_view_called_by_itself_reports_in_utc():
    """A view takes events as they were read, and UTC where no reporting zone is given."""
    (event,) = events("event_type", ("LOGIN",))
    found = VIEWS["auth_hourly_login_patterns"]({"auth_topic": [event]})
    assert found == rows("date hour login_count", (DAY, 10, 1))


def test_a_topic_the_contract_does_not_know_is_refused():
    """A misspelt topic in a test must not pass for an empty one."""
    with pytest.raises(ValueError, match=r"auth-topic"):
        answers({"auth-topic": []})
