"""Cases of the views beyond the seed's 37."""

from __future__ import annotations

from datetime import date, timedelta

from oracle.case import DAY, Case, at, events, rows

MONDAY = date(2024, 2, 26)  # of the week of DAY, a Friday
LATER = at(10) + timedelta(days=4)  # the Tuesday after

JOINED = events(
    "event_type user_id course_id role timestamp material_id",
    ("COURSE_ENROLLED", "u1", "c1", None, at(8), None),
    ("COURSE_ENROLLED", "u2", "c1", "student", at(9), None),
    ("COURSE_DROPPED", "u2", "c1", "student", at(10), None),
    ("COURSE_ENROLLED", "u3", "c1", "student", at(9), None),
    ("COURSE_ENROLLED", "t1", "c1", "teacher", at(8), None),
    ("COURSE_CREATED", "u1", "c1", None, at(7), None),
    ("ITEM_CLICK", "u1", "c1", "student", LATER, "m1"),
    ("ITEM_CLICK", "t1", "c1", "teacher", at(8), "m1"),
)
WATCHED = events(
    "event_type user_id course_id video_id session_id watch_duration_seconds played_seconds timestamp",
    ("VIDEO_WATCHED", "u1", "c1", "v1", None, 120, None, LATER),
    ("VIDEO_WATCHED", "u1", "c1", "v1", "s1", None, 30.0, at(10)),
    ("VIDEO_WATCHED", "u1", "c1", "v1", "s1", None, 90.0, LATER),
)
WORKED = events(
    "event_type user_id course_id assignment_id student_id score max_score quiz_id correct_answers question_count timestamp",
    ("QUIZ_COMPLETED", "u1", "c1", None, None, None, None, "q1", 3, 4, LATER),
    ("SUBMIT_ASSIGNMENT", "u1", "c1", "a1", None, None, None, None, None, None, LATER),
    ("GRADE_ASSIGNMENT", "t1", "c1", "a1", "u1", 10.0, 20.0, None, None, None, LATER + timedelta(hours=3)),
    ("VIEW_STUDENT_WORK", "t1", "c1", "a1", "u1", None, None, None, None, None, LATER),
)
DISCUSSED = events(
    "event_type user_id course_id thread_id timestamp",
    ("POST_CREATED", "u1", "c1", "t1", at(8)),
    ("REPLY_CREATED", "u1", "c1", "t1", at(9)),
    ("REPLY_CREATED", "u2", "c1", "t1", at(10)),
    ("POST_VIEWED", "u3", "c1", "t1", at(11)),
    ("POST_CREATED", "u3", "c1", "t2", at(11)),
    ("POST_LIKED", "u1", "c1", None, at(12)),
)
THIRDS = {
    "course_topic": events(
        "event_type user_id course_id timestamp",
        *(("COURSE_ENROLLED", user, "c1", at(8)) for user in ("u1", "u2", "u3")),
    ),
    "assessment_topic": events(
        "event_type user_id course_id quiz_id correct_answers question_count timestamp",
        ("QUIZ_COMPLETED", "u1", "c1", "q1", 2, 3, at(9)),
        ("QUIZ_COMPLETED", "u1", "c1", "q2", 0, 3, at(10)),
        ("QUIZ_COMPLETED", "u2", "c1", "q1", 1, 3, at(9)),
        ("QUIZ_COMPLETED", "u3", "c1", "q1", 0, 3, at(9)),
    ),
}
EVERYTHING = {"course_topic": JOINED, "video_topic": WATCHED, "assessment_topic": WORKED, "forum_topic": DISCUSSED}
TUESDAY = date(2024, 3, 5)
NEXT = date(2024, 3, 4)  # its Monday

HANDED = events(
    "event_type user_id course_id assignment_id assignment_type due_date timestamp",
    ("VIEW_ASSIGNMENT_FIRST_TIME", "u1", "c1", "a1", "lab", None, at(8)),
    ("SUBMIT_ASSIGNMENT", "u1", "c1", "a1", "essay", None, at(10)),
    ("SUBMIT_ASSIGNMENT", "u1", "c1", "a1", "essay", None, at(14)),
    ("SUBMIT_ASSIGNMENT", "u2", "c1", "a1", "essay", None, at(13)),
    ("EDIT_ASSIGNMENT", "t1", "c1", "a1", "z", "2024-03-01 12:00:00", at(7)),
    ("EDIT_ASSIGNMENT", "t1", "c1", "a2", None, "2024-03-02 12:00:00", at(7)),
)
WAITED = events(
    "event_type user_id student_id course_id assignment_id timestamp",
    ("SUBMIT_ASSIGNMENT", "u1", None, "c1", "a1", at(10)),
    ("SUBMIT_ASSIGNMENT", "u2", None, "c1", "a1", at(10)),
    ("SUBMIT_ASSIGNMENT", "u3", None, "c1", "a1", at(9)),
    ("GRADE_ASSIGNMENT", "t1", "u1", "c1", "a1", at(12)),
    ("GRADE_ASSIGNMENT", "t1", "u2", "c1", "a1", at(22)),
    ("GRADE_ASSIGNMENT", "t1", "u2", "c1", "a1", at(23)),
)
QUIZZED = events(
    "event_type user_id course_id quiz_id correct_answers question_count timestamp",
    ("QUIZ_COMPLETED", "u1", "c1", "q1", 1, 4, at(8)),
    ("QUIZ_COMPLETED", "u1", "c1", "q1", 3, None, at(9)),
    ("QUIZ_COMPLETED", "u2", "c1", "q1", None, 4, at(9)),
    ("QUIZ_COMPLETED", "u1", "c1", None, 3, 4, at(9)),
)
ALIKE = [
    event
    for number in range(10)
    for event in events(
        "event_type user_id course_id quiz_id correct_answers question_count",
        ("QUIZ_COMPLETED", f"u{number}", "c1", "q1", number, 10),
        ("QUIZ_COMPLETED", f"u{number}", "c1", "q2", number + 1, 20),
    )
]
ANSWERED = events(
    "event_type user_id course_id quiz_id question_id is_correct score max_score timestamp",
    ("QUESTION_ANSWERED", "u1", "c1", "q1", "p1", "false", None, None, at(8)),
    ("QUESTION_ANSWERED", "u1", "c1", "q1", "p1", "TRUE", None, None, at(9)),
    ("QUESTION_ANSWERED", "u2", "c1", "q1", "p1", None, 2.0, 2.0, at(9)),
    ("QUESTION_ANSWERED", "u3", "c1", "q1", "p1", "perhaps", None, None, at(9)),
)
NOTIFIED = events(
    "event_type user_id notification_id notification_type channel timestamp",
    ("NOTIFICATION_SENT", "u1", "n1", "deadline", "email", at(8)),
    ("NOTIFICATION_SENT", "u1", "n1", "deadline", "email", at(9)),
    ("NOTIFICATION_OPENED", "u1", "n1", None, None, at(8, 30)),
    ("NOTIFICATION_CLICKED", "u1", "n1", None, None, at(9)),
    ("NOTIFICATION_CLICKED", "u1", "n1", None, None, at(10)),
    ("NOTIFICATION_SENT", "u2", "n1", "deadline", "email", at(8)),
    ("NOTIFICATION_SENT", "u2", None, "deadline", "email", at(8)),
    ("NOTIFICATION_OPENED", "u3", "n2", "deadline", "email", at(8)),
)
STRETCHES = events(
    "event_type user_id video_id course_id watch_duration_seconds from_second to_second video_length_seconds",
    ("VIDEO_WATCHED", "u1", "v1", "c1", 50, None, None, 100),
    ("VIDEO_WATCHED", "u1", "v1", "c1", 20, 50.0, 70.0, None),
    ("VIDEO_WATCHED", "u2", "v1", "c1", 0, None, None, None),
)

CASES = [
    Case(
        "a viewing reaches the places before its seconds, a stretch those that it covers",
        "video_retention",
        STRETCHES,
        rows(
            "video_id course_id step length_seconds viewings reaching",
            *(("v1", "c1", step, 100, 3, 1 if step < 14 else 0) for step in range(20)),
        ),
    ),
    Case(
        "who watched twice came again",
        "video_rewatch",
        STRETCHES,
        rows(
            "video_id course_id unique_viewers viewings viewers_again rewatch_percentage watch_minutes",
            ("v1", "c1", 2, 3, 1, 50.0, 70 / 60),
        ),
    ),
    Case(
        "an assignment's first submissions count, and one that is only announced has a row",
        "assessment_assignment_summary",
        HANDED,
        rows(
            "course_id assignment_id assignment_type due_at viewers submitters resubmitters late_submitters "
            "median_hours_to_submit first_submission last_submission most_by",
            ("c1", "a1", "essay", at(12), 1, 2, 1, 1, 2.0, at(10), at(14), at(13)),
            ("c1", "a2", None, at(12) + timedelta(days=1), 0, 0, 0, 0, None, None, None, None),
        ),
    ),
    Case(
        "of two waits the ninth tenth lies nine tenths between them; what isn't graded waits",
        "assessment_time_to_grade",
        WAITED,
        rows(
            "course_id assignment_id handed_in graded waiting median_hours_to_grade p90_hours_to_grade oldest_waiting",
            ("c1", "a1", 3, 2, 1, 7.0, 11.0, at(9)),
        ),
    ),
    Case(
        "a try that doesn't say how many questions there were is of as many as another says",
        "assessment_quiz_difficulty",
        QUIZZED,
        rows(
            "course_id quiz_id students first_try_percentage best_try_percentage mean_attempts discrimination",
            ("c1", "q1", 2, 25.0, 75.0, 1.5, None),
        ),
    ),
    Case(
        "ten people who do as well elsewhere: they correlate",
        "assessment_quiz_difficulty",
        ALIKE,
        rows(
            "course_id quiz_id students first_try_percentage best_try_percentage mean_attempts discrimination",
            ("c1", "q1", 10, 45.0, 45.0, 1.0, 1.0),
            ("c1", "q2", 10, 27.5, 27.5, 1.0, 1.0),
        ),
    ),
    Case(
        "an answer is right as it says, else by its points, else it isn't known",
        "assessment_question_difficulty",
        ANSWERED,
        rows(
            "course_id quiz_id question_id answers unique_students correct_percentage first_try_percentage",
            ("c1", "q1", "p1", 4, 3, 100.0 * 2 / 3, 50.0),
        ),
    ),
    Case(
        "a notification sent twice is one; one without an id or a sending is none",
        "notification_effect",
        NOTIFIED,
        rows(
            "notification_type channel sent opened clicked open_percentage click_percentage median_minutes_to_open",
            ("deadline", "email", 2, 1, 1, 50.0, 50.0, 30.0),
        ),
    ),
    Case(
        "events of a day in discussions",
        "forum_daily_activity",
        DISCUSSED[:3],
        rows(
            "date course_id event_type unique_users event_count",
            (DAY, "c1", "POST_CREATED", 1, 1),
            (DAY, "c1", "REPLY_CREATED", 2, 2),
        ),
    ),
    Case(
        "who reads alone has written in no thread",
        "forum_participation",
        DISCUSSED[:4],
        rows(
            "user_id course_id posts replies views threads first_post last_post",
            ("u1", "c1", 1, 1, 0, 1, at(8), at(9)),
            ("u2", "c1", 0, 1, 0, 1, at(10), at(10)),
            ("u3", "c1", 0, 0, 1, 0, None, None),
        ),
    ),
    Case(
        "a thread's readers and authors; what names no thread has no row",
        "forum_thread_popularity",
        DISCUSSED,
        rows(
            "course_id thread_id unique_readers views posts replies unique_authors last_activity",
            ("c1", "t1", 1, 1, 1, 2, 2, at(11)),
            ("c1", "t2", 0, 0, 1, 0, 1, at(11)),
        ),
    ),
    Case(
        "one's own reply is no answer",
        "forum_answer_times",
        DISCUSSED,
        rows(
            "course_id threads answered unanswered median_hours_to_first_reply oldest_unanswered",
            ("c1", 2, 1, 1, 2.0, at(11)),
        ),
    ),
    Case(
        "readers beside those who enrolled, teachers aside",
        "forum_course_metrics",
        EVERYTHING,
        rows(
            "course_id unique_posters unique_readers posts replies reader_percentage",
            ("c1", 3, 1, 2, 2, 100.0 / 3),
        ),
    ),
    Case(
        "weeks begin on Monday; a visit counts in each by what it grew",
        "student_week_activity",
        EVERYTHING,
        rows(
            "user_id course_id week active_days events watch_minutes quizzes submissions material_accesses viewings last_active",
            ("u1", "c1", MONDAY, 1, 2, 0.5, 0, 0, 0, 1, DAY),
            ("u1", "c1", NEXT, 1, 5, 3.0, 1, 1, 1, 2, TUESDAY),
            ("u2", "c1", MONDAY, 1, 2, 0.0, 0, 0, 0, 0, DAY),
            ("u3", "c1", MONDAY, 1, 1, 0.0, 0, 0, 0, 0, DAY),
        ),
    ),
    Case(
        "a class's weeks",
        "course_week_engagement",
        EVERYTHING,
        rows(
            "course_id week active_students watchers readers quiz_takers submitters watch_hours submissions quizzes mean_active_days",
            ("c1", MONDAY, 3, 1, 0, 0, 0, 30 / 3600, 0, 0, 1.0),
            ("c1", NEXT, 1, 1, 1, 1, 1, 180 / 3600, 1, 1, 1.0),
        ),
    ),
    Case(
        "who left last isn't enrolled; a teacher is no student",
        "course_enrollment_status",
        JOINED,
        rows(
            "user_id course_id first_enrolled last_enrolled last_dropped is_enrolled",
            ("u1", "c1", at(8), at(8), None, 1),
            ("u2", "c1", at(9), at(9), at(10), 0),
            ("u3", "c1", at(9), at(9), None, 1),
        ),
    ),
    Case(
        "percentiles are of the other enrolled students; who left has none",
        "student_standing",
        EVERYTHING,
        rows(
            "user_id course_id events watch_minutes quiz_percentage score_percentage is_enrolled events_percentile "
            "watch_percentile quiz_percentile score_percentile",
            ("u1", "c1", 7, 3.5, 75.0, 50.0, 1, 100.0, 100.0, None, None),
            ("u2", "c1", 2, 0, None, None, 0, None, None, None, None),
            ("u3", "c1", 1, 0.0, None, None, 1, 0.0, 0.0, None, None),
        ),
    ),
    Case(
        "two thirds and none are as good as one third, though their decimals aren't",
        "student_standing",
        THIRDS,
        rows(
            "user_id course_id events watch_minutes quiz_percentage score_percentage is_enrolled events_percentile "
            "watch_percentile quiz_percentile score_percentile",
            ("u1", "c1", 3, 0.0, 100.0 / 3, None, 1, 100.0, 0.0, 50.0, None),
            ("u2", "c1", 2, 0.0, 100.0 / 3, None, 1, 0.0, 0.0, 50.0, None),
            ("u3", "c1", 2, 0.0, 0.0, None, 1, 0.0, 0.0, 0.0, None),
        ),
    ),
    Case(
        "a low grade, few videos; four days away is not absent yet",
        "student_at_risk",
        EVERYTHING,
        rows(
            "user_id course_id score_percentage events_percentile watch_percentile quiz_percentile score_percentile last_active "
            "days_away events_this_week events_before assignments_due assignments_handed_in absent fading missing_work low_grade "
            "few_videos signals",
            ("u1", "c1", 50.0, 100.0, 100.0, None, None, TUESDAY, 0, 5, 2 / 3, 0, 0, 0, 0, 0, 1, 0, 1),
            ("u3", "c1", None, 0.0, 0.0, None, None, DAY, 4, 0, 1 / 3, 0, 0, 0, 0, 0, None, 1, 1),
        ),
    ),
    Case(
        "one signal flags nobody",
        "course_risk_summary",
        EVERYTHING,
        rows(
            "course_id students flagged absent fading missing_work low_grade few_videos",
            ("c1", 2, 0, 0, 0, 0, 1, 1),
        ),
    ),
    Case(
        "Friday is 5",
        "course_activity_hours",
        JOINED[:4],
        rows(
            "course_id weekday hour events unique_students",
            ("c1", 5, 8, 1, 1),
            ("c1", 5, 9, 2, 2),
            ("c1", 5, 10, 1, 1),
        ),
    ),
    Case(
        "three began, one is there a week later",
        "course_retention_cohorts",
        EVERYTHING,
        rows(
            "course_id cohort weeks_later cohort_size active_students retention_percentage",
            ("c1", MONDAY, 0, 3, 3, 100.0),
            ("c1", MONDAY, 1, 3, 1, 100.0 / 3),
        ),
    ),
    Case(
        "one of three went all the way",
        "course_funnel",
        EVERYTHING,
        rows("course_id enrolled opened_material watched_video took_quiz handed_in graded", ("c1", 3, 1, 1, 1, 1, 1)),
    ),
    Case(
        "four days later two of three are of that week still",
        "course_stickiness",
        EVERYTHING,
        rows(
            "course_id date daily weekly monthly stickiness_percentage",
            ("c1", DAY, 3, 3, 3, 100.0),
            ("c1", TUESDAY, 1, 3, 3, 100.0 / 3),
        ),
    ),
    Case(
        "joined and left within a week",
        "course_drops",
        JOINED,
        rows("course_id week enrolled dropped", ("c1", MONDAY, 3, 1)),
    ),
    Case(
        "a course in a line",
        "course_comparison",
        EVERYTHING,
        rows(
            "course_id students mean_weekly_active watch_hours_per_student submissions_per_student median_hours_to_grade "
            "flagged_percentage score_percentage",
            ("c1", 2, 2.0, (30 / 3600 + 180 / 3600) / 2, 0.5, 3.0, 0.0, 50.0),
        ),
    ),
    Case(
        "who isn't enrolled reads too",
        "course_material_reach",
        JOINED,
        rows(
            "course_id material_id material_type unique_readers enrolled reach_percentage accesses",
            ("c1", "m1", None, 2, 3, 200.0 / 3, 2),
        ),
    ),
    Case(
        "what a teacher graded in a week",
        "teacher_week",
        EVERYTHING,
        rows("user_id course_id week works_viewed graded score_percentage", ("t1", "c1", NEXT, 1, 1, 50.0)),
    ),
]
