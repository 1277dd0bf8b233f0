"""A made-up semester is one that people could have lived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from learnfold.generate import Semester, generate

pytestmark = pytest.mark.slow

SEMESTER = Semester(events=100_000, days=90, seed=2)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The semester's topics as tables, without what is planted."""
    out = tmp_path_factory.mktemp("people") / "master"
    generate(SEMESTER, out)
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for topic in ("auth", "assessment", "video", "course", "profile", "notification"):
            connection.execute(
                f"CREATE TABLE {topic} AS SELECT * REPLACE (timestamp::TIMESTAMP AS timestamp) "
                f"FROM read_parquet('{out}/topic={topic}_topic/**/*.parquet', hive_partitioning = false) WHERE user_id[3] != 'P'"
            )
        yield connection


def one(events: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The only value of a query."""
    ((value,),) = events.execute(sql).fetchall()
    return value


@pytest.mark.parametrize(
    ("events_asked", "days", "students", "courses"),
    [(10_000_000, 90, 8000, 46), (1_000_000, 90, 800, 5), (10_000, 90, 8, 3), (100_000, 9, 800, 5)],
)
def test_there_are_students_and_courses_for_the_events(
    events_asked: int, days: int, students: int, courses: int
) -> None:
    """A student makes 1,250 events in 90 days, and about 175 share a course."""
    semester = Semester(events=events_asked, days=days)
    assert (semester.students, semester.courses) == (students, courses)


def test_nobody_watches_outside_the_session_they_say(events: duckdb.DuckDBPyConnection) -> None:
    """Every viewing is of a session of its viewer, between its login and its logout, and no longer than since the login."""
    strays = """
    SELECT count(*) FROM video
    LEFT JOIN auth AS login ON login.session_id = video.session_id AND login.event_type = 'LOGIN' AND login.user_id = video.user_id
    LEFT JOIN auth AS logout ON logout.session_id = video.session_id AND logout.event_type = 'LOGOUT'
    WHERE login.timestamp IS NULL OR logout.timestamp < video.timestamp
      OR video.timestamp - to_seconds(watch_duration_seconds) < login.timestamp - INTERVAL 1 SECOND"""
    assert one(events, strays) == 0
    assert one(events, "SELECT count(*) FROM video") > 30_000


def test_most_sessions_end_with_a_logout_and_some_never(events: duckdb.DuckDBPyConnection) -> None:
    """Four in five."""
    share = "SELECT count(*) FILTER (event_type = 'LOGOUT') / count(*) FILTER (event_type = 'LOGIN') FROM auth"
    assert one(events, share) == pytest.approx(0.8, abs=0.03)


def test_people_have_habits(events: duckdb.DuckDBPyConnection) -> None:
    """Someone's busiest three hours hold far more of the logins than an eighth; nobody logs in at night (1:00 to 7:00, UTC+7)."""
    busiest = """
    SELECT avg(share) FROM (
      SELECT user_id, list_sum(list_reverse_sort(list(logins))[:3]) / sum(logins) AS share
      FROM (SELECT user_id, hour(timestamp) AS hour, count(*) AS logins FROM auth WHERE event_type = 'LOGIN' GROUP BY ALL)
      GROUP BY user_id HAVING sum(logins) >= 30)"""
    assert one(events, busiest) > 0.4
    assert one(events, "SELECT count(*) FROM auth WHERE event_type = 'LOGIN' AND hour(timestamp) >= 18") == 0


def test_some_are_diligent_and_some_drop_out(events: duckdb.DuckDBPyConnection) -> None:
    """The busiest tenth log in many times as often as the laziest; one in six or so is gone before the last three weeks."""
    quantiles = "SELECT quantile_cont(n, [0.1, 0.9]) FROM (SELECT count(*) AS n FROM auth WHERE event_type = 'LOGIN' GROUP BY user_id)"
    low, high = one(events, quantiles)
    assert high > 4 * low
    gone = "SELECT avg((last < DATE '2025-11-09')::INTEGER) FROM (SELECT max(timestamp) AS last FROM auth GROUP BY user_id)"
    assert 0.03 < one(events, gone) < 0.3


def test_videos_are_watched_mostly_when_they_come_out_and_in_several_sittings(
    events: duckdb.DuckDBPyConnection,
) -> None:
    """Half of a video's viewings are in the three weeks from its first, and a student sits down to it twice or more on average."""
    early = """
    SELECT avg((timestamp < first + INTERVAL 21 DAY)::INTEGER)
    FROM video JOIN (SELECT video_id, min(timestamp) AS first FROM video GROUP BY ALL) USING (video_id)
    WHERE first < DATE '2025-10-20'"""
    assert one(events, early) > 0.5
    assert one(events, "SELECT count(*) / count(DISTINCT (user_id, video_id)) FROM video") > 2


def test_some_videos_lose_their_viewers(events: duckdb.DuckDBPyConnection) -> None:
    """Means below 60 seconds, below 180 and above all occur, the last mostly."""
    risks = one(
        events,
        """SELECT list(n ORDER BY risk) FROM (
          SELECT CASE WHEN mean < 60 THEN 0 WHEN mean < 180 THEN 1 ELSE 2 END AS risk, count(*) AS n
          FROM (SELECT avg(watch_duration_seconds) AS mean FROM video GROUP BY video_id) GROUP BY risk)""",
    )
    assert len(risks) == 3
    assert risks[2] > 3 * max(risks[0], risks[1])


def test_courses_are_of_unequal_popularity(tmp_path: Path) -> None:
    """Of twelve courses the most popular has several times the students of the least."""
    semester = Semester(events=60_000, days=2, planted=False)
    assert semester.courses == 12
    generate(semester, tmp_path / "master")
    with duckdb.connect() as connection:
        files = f"{tmp_path}/master/topic=video_topic/**/*.parquet"
        sql = (
            f"SELECT count(DISTINCT user_id) FROM read_parquet('{files}', hive_partitioning = false) GROUP BY course_id"
        )
        students = sorted(number for (number,) in connection.execute(sql).fetchall())
    assert len(students) == semester.courses
    assert students[-1] > 2 * students[0]


def test_work_is_handed_in_before_it_is_graded(events: duckdb.DuckDBPyConnection) -> None:
    """View, then submission, then the teacher's view, then the grade; never the other way round."""
    order = """
    SELECT count(*), count(*) FILTER (view > submission), count(*) FILTER (submission > grade), count(*) FILTER (work > grade)
    FROM (
      SELECT
        coalesce(student_id, user_id) AS student, assignment_id,
        min(timestamp) FILTER (event_type = 'VIEW_ASSIGNMENT_FIRST_TIME') AS view,
        min(timestamp) FILTER (event_type = 'SUBMIT_ASSIGNMENT') AS submission,
        min(timestamp) FILTER (event_type = 'VIEW_STUDENT_WORK') AS work,
        min(timestamp) FILTER (event_type = 'GRADE_ASSIGNMENT') AS grade
      FROM assessment WHERE assignment_id IS NOT NULL GROUP BY ALL)"""
    ((pairs, *wrong),) = events.execute(order).fetchall()
    assert pairs > 500
    assert wrong == [0, 0, 0]


def test_scores_are_spread_like_scores(events: duckdb.DuckDBPyConnection) -> None:
    """From 0 to 100 in halves, most in the middle, some poor; resubmissions and edits are a part of the submissions."""
    low, median, high = one(events, "SELECT quantile_cont(score, [0.05, 0.5, 0.95]) FROM assessment")
    assert 20 < low < 60 < median < 90 < high <= 100
    assert one(events, "SELECT count(*) FROM assessment WHERE score * 2 % 1 != 0 OR score NOT BETWEEN 0 AND 100") == 0
    again = """
    SELECT count(*) / count(DISTINCT (user_id, assignment_id)) FROM assessment WHERE event_type = 'SUBMIT_ASSIGNMENT'"""
    assert one(events, again) == pytest.approx(1.2, abs=0.04)


def test_notifications_are_sent_then_opened_then_clicked(events: duckdb.DuckDBPyConnection) -> None:
    """None is opened unsent or clicked unopened, and how many are depends on what they say."""
    order = """
    SELECT count(*) FROM (
      SELECT
        min(timestamp) FILTER (event_type = 'NOTIFICATION_SENT') AS sent,
        min(timestamp) FILTER (event_type = 'NOTIFICATION_OPENED') AS opened,
        min(timestamp) FILTER (event_type = 'NOTIFICATION_CLICKED') AS clicked
      FROM notification GROUP BY notification_id)
    WHERE sent IS NULL OR opened < sent OR clicked < opened OR (clicked IS NOT NULL AND opened IS NULL)"""
    assert one(events, order) == 0
    rates = """
    SELECT map_from_entries(list((notification_type, rate))) FROM (
      SELECT notification_type, count(*) FILTER (event_type = 'NOTIFICATION_CLICKED') / count(*) FILTER (event_type = 'NOTIFICATION_SENT') AS rate
      FROM notification GROUP BY ALL)"""
    found = one(events, rates)
    assert found["grade_posted"] > found["new_video"] > found["system"]


def test_people_sign_up_before_they_do_anything_else(events: duckdb.DuckDBPyConnection) -> None:
    """Whoever signs up in the semester logs in, enrols and changes the profile afterwards."""
    early = """
    SELECT count(*) FROM (SELECT user_id, timestamp AS joined FROM auth WHERE event_type = 'SIGNUP')
    JOIN (
      SELECT user_id, timestamp FROM auth UNION ALL SELECT user_id, timestamp FROM course
      UNION ALL SELECT user_id, timestamp FROM profile UNION ALL SELECT user_id, timestamp FROM video
      UNION ALL SELECT user_id, timestamp FROM notification UNION ALL SELECT user_id, timestamp FROM assessment
    ) USING (user_id)
    WHERE timestamp < joined"""
    assert one(events, early) == 0
    assert one(events, "SELECT count(*) FROM auth WHERE event_type = 'SIGNUP'") > 20


def test_a_student_takes_up_to_five_courses_and_enrols_in_each(events: duckdb.DuckDBPyConnection) -> None:
    """Nobody watches a course that they aren't in, or are in twice."""
    enrolled = (
        "(SELECT user_id, course_id, count(*) AS n FROM course WHERE event_type = 'COURSE_ENROLLED' GROUP BY ALL)"
    )
    assert one(events, f"SELECT max(n) FROM {enrolled}") == 1
    assert one(events, f"SELECT max(courses) FROM (SELECT count(*) AS courses FROM {enrolled} GROUP BY user_id)") <= 5
    assert (
        one(
            events,
            f"SELECT count(*) FROM video ANTI JOIN {enrolled} AS e ON e.user_id = video.user_id AND e.course_id = video.course_id",
        )
        == 0
    )
