"""The 37 views of the contract, a subset of the catalogue: each one's key and other columns with their types, written down a second time by hand.

Where the contract says nothing else: counts are BIGINT, ``date`` a DATE, ``hour`` an INTEGER, times TIMESTAMP, and durations,
averages, scores and rates DOUBLE.
"""

from __future__ import annotations

from typing import NamedTuple


class Promised(NamedTuple):
    """What the contract says of one view: the columns of its key in order, and all its columns with their types."""

    key: tuple[str, ...]
    columns: dict[str, str]


_KEY_TYPES = {
    "date": "DATE",
    "week": "DATE",
    "cohort": "DATE",
    "hour": "INTEGER",
    "weekday": "INTEGER",
    "weeks_later": "INTEGER",
    "step": "INTEGER",
}  # all others are VARCHAR


def _view(key: str, **columns: str) -> Promised:
    """Of ``key`` the names with commas between; of each kind (bigint, double, timestamp, varchar) the columns, as words."""
    names = tuple(key.split(", "))
    typed = {name: _KEY_TYPES.get(name, "VARCHAR") for name in names}
    for kind, words in columns.items():
        typed |= dict.fromkeys(words.split(), kind.upper())
    return Promised(names, typed)


JOBS = {
    "auth": {
        "auth_daily_active_users": _view("date", bigint="daily_active_users total_sessions"),
        "auth_hourly_login_patterns": _view("date, hour", bigint="login_count"),
        "auth_user_session_metrics": _view(
            "user_id",
            bigint="total_sessions",
            double="avg_session_duration_minutes min_session_duration_minutes max_session_duration_minutes "
            "total_time_online_minutes",
        ),
        "auth_user_activity_summary": _view(
            "user_id, role",
            bigint="total_logins total_logouts unique_sessions",
            timestamp="first_activity last_activity",
        ),
        "auth_registration_analytics": _view("date, registration_source, role", bigint="new_signups"),
    },
    "assessment": {
        "assessment_student_submissions": _view(
            "user_id, course_id",
            bigint="total_assignments_submitted total_submissions",
            timestamp="first_submission last_submission",
        ),
        "assessment_engagement_timeline": _view(
            "user_id, course_id",
            bigint="assignments_completed",
            double="avg_hours_to_submit min_hours_to_submit max_hours_to_submit",
        ),
        "assessment_quiz_performance": _view(
            "user_id, course_id",
            bigint="total_quizzes_completed total_correct_answers min_correct_answers max_correct_answers",
            double="avg_correct_answers avg_correct_percentage",
        ),
        "assessment_grading_stats": _view(
            "student_id, course_id",
            bigint="total_assignments_graded",
            double="avg_assignment_score min_assignment_score max_assignment_score total_assignment_score "
            "avg_score_percentage",
        ),
        "assessment_teacher_workload": _view(
            "user_id, course_id", bigint="total_works_viewed total_assignments_graded", double="avg_score_given"
        ),
        "assessment_submission_distribution": _view(
            "date, course_id, assignment_type", bigint="submissions_count unique_students"
        ),
        "assessment_student_overall_performance": _view(
            "user_id, course_id",
            bigint="quizzes_completed assignments_graded",
            double="avg_quiz_correct avg_assignment_score avg_score_percentage",
        ),
    },
    "video": {
        "video_total_watch_time": _view(
            "user_id, video_id, course_id",
            bigint="total_watch_sessions",
            double="total_watch_seconds avg_watch_duration_seconds longest_session_seconds shortest_session_seconds "
            "total_watch_minutes total_watch_hours",
        ),
        "video_student_engagement": _view(
            "user_id, course_id",
            bigint="unique_videos_watched total_video_events",
            double="total_watch_seconds avg_watch_duration_seconds total_watch_hours",
        ),
        "video_popularity": _view(
            "video_id, course_id",
            bigint="unique_viewers total_view_events",
            double="total_views_seconds avg_view_duration_seconds total_views_hours",
        ),
        "video_daily_engagement": _view(
            "date, course_id",
            bigint="active_video_watchers unique_videos_watched total_watch_events",
            double="total_watch_seconds total_watch_hours",
        ),
        "video_course_metrics": _view(
            "course_id",
            bigint="total_students_watching total_videos_in_course",
            double="total_course_watch_seconds total_course_watch_hours",
        ),
        "video_student_course_summary": _view(
            "user_id, course_id",
            bigint="videos_watched_count total_sessions total_videos_in_course",
            double="total_watch_seconds total_watch_hours video_coverage_percentage",
        ),
        "video_drop_off_indicators": _view(
            "video_id, course_id",
            bigint="total_views unique_viewers",
            double="avg_watch_duration min_watch_duration",
            varchar="potential_drop_off",
        ),
    },
    "course": {
        "course_enrollment_stats": _view("date, course_id", bigint="new_enrollments unique_new_students"),
        "course_material_access": _view(
            "user_id, course_id",
            bigint="total_material_accesses unique_materials_accessed",
            timestamp="first_access last_access",
        ),
        "course_material_popularity": _view(
            "course_id, material_id, material_type", bigint="unique_accessors total_accesses"
        ),
        "course_download_analytics": _view("user_id, course_id", bigint="total_downloads unique_resources_downloaded"),
        "course_resource_download_stats": _view(
            "course_id, resource_id", bigint="unique_downloaders total_download_count"
        ),
        "course_activity_summary": _view(
            "user_id",
            bigint="courses_enrolled total_material_accesses courses_with_material_access total_downloads",
        ),
        "course_daily_engagement": _view("date, course_id, event_type", bigint="unique_users event_count"),
        "course_overall_metrics": _view(
            "course_id",
            bigint="total_enrollments total_material_accesses total_downloads unique_students_interacting",
        ),
    },
    "profile_notification": {
        "profile_update_frequency": _view(
            "user_id", bigint="total_profile_updates", timestamp="first_update last_update"
        ),
        "profile_field_changes": _view("field_name", bigint="total_updates unique_users_updating"),
        "profile_avatar_changes": _view("user_id", bigint="avatar_changes_count", timestamp="first_change last_change"),
        "profile_daily_activity": _view("date, event_type", bigint="unique_users event_count"),
        "notification_delivery_stats": _view("notification_type", bigint="total_sent unique_recipients"),
        "notification_engagement": _view("user_id, notification_type", bigint="notifications_clicked"),
        "notification_click_through_rate": _view(
            "notification_type", bigint="total_sent total_clicked", double="click_through_rate"
        ),
        "notification_user_preferences": _view(
            "user_id, notification_type",
            bigint="notifications_received notifications_clicked",
            double="engagement_rate",
        ),
        "notification_daily_activity": _view("date, event_type, notification_type", bigint="unique_users event_count"),
        "notification_user_summary": _view(
            "user_id", bigint="total_received total_clicked", double="overall_engagement_rate"
        ),
    },
}
"""By job, its views in the contract's order."""

VIEWS = {name: promised for views in JOBS.values() for name, promised in views.items()}

_PERCENTILES = "events_percentile watch_percentile quiz_percentile score_percentile"
_SIGNALS = "absent fading missing_work low_grade few_videos"

MORE = {
    "assessment": {
        "assessment_assignment_summary": _view(
            "course_id, assignment_id",
            varchar="assignment_type",
            bigint="viewers submitters resubmitters late_submitters",
            double="median_hours_to_submit",
            timestamp="due_at first_submission last_submission most_by",
        ),
        "assessment_time_to_grade": _view(
            "course_id, assignment_id",
            bigint="handed_in graded waiting",
            double="median_hours_to_grade p90_hours_to_grade",
            timestamp="oldest_waiting",
        ),
        "assessment_quiz_difficulty": _view(
            "course_id, quiz_id",
            bigint="students",
            double="first_try_percentage best_try_percentage mean_attempts discrimination",
        ),
        "assessment_question_difficulty": _view(
            "course_id, quiz_id, question_id",
            bigint="answers unique_students",
            double="correct_percentage first_try_percentage",
        ),
    },
    "video": {
        "video_retention": _view("video_id, course_id, step", bigint="length_seconds viewings reaching"),
        "video_rewatch": _view(
            "video_id, course_id",
            bigint="unique_viewers viewings viewers_again",
            double="rewatch_percentage watch_minutes",
        ),
    },
    "profile_notification": {
        "notification_effect": _view(
            "notification_type, channel",
            bigint="sent opened clicked",
            double="open_percentage click_percentage median_minutes_to_open",
        ),
    },
    "forum": {
        "forum_daily_activity": _view("date, course_id, event_type", bigint="unique_users event_count"),
        "forum_participation": _view(
            "user_id, course_id", bigint="posts replies views threads", timestamp="first_post last_post"
        ),
        "forum_thread_popularity": _view(
            "course_id, thread_id",
            bigint="unique_readers views posts replies unique_authors",
            timestamp="last_activity",
        ),
        "forum_answer_times": _view(
            "course_id",
            bigint="threads answered unanswered",
            double="median_hours_to_first_reply",
            timestamp="oldest_unanswered",
        ),
    },
    "insight": {
        "student_week_activity": _view(
            "user_id, course_id, week",
            bigint="active_days events quizzes submissions material_accesses",
            double="watch_minutes",
        ),
        "course_week_engagement": _view(
            "course_id, week",
            bigint="active_students watchers readers quiz_takers submitters submissions quizzes",
            double="watch_hours mean_active_days",
        ),
        "course_enrollment_status": _view(
            "user_id, course_id", timestamp="first_enrolled last_enrolled last_dropped", integer="is_enrolled"
        ),
        "student_standing": _view(
            "user_id, course_id",
            bigint="events",
            double=f"watch_minutes quiz_percentage score_percentage {_PERCENTILES}",
        ),
        "student_at_risk": _view(
            "user_id, course_id",
            date="last_active",
            bigint="days_away events_this_week assignments_due assignments_handed_in signals",
            double=f"events_before score_percentage {_PERCENTILES}",
            integer=_SIGNALS,
        ),
        "course_risk_summary": _view("course_id", bigint=f"students flagged {_SIGNALS}"),
        "course_activity_hours": _view("course_id, weekday, hour", bigint="events unique_students"),
        "course_retention_cohorts": _view(
            "course_id, cohort, weeks_later", bigint="cohort_size active_students", double="retention_percentage"
        ),
        "course_funnel": _view("course_id", bigint="enrolled opened_material watched_video took_quiz handed_in graded"),
        "course_stickiness": _view("course_id, date", bigint="daily weekly monthly", double="stickiness_percentage"),
        "course_drops": _view("course_id, week", bigint="enrolled dropped"),
        "course_comparison": _view(
            "course_id",
            bigint="students",
            double="mean_weekly_active watch_hours_per_student submissions_per_student median_hours_to_grade "
            "flagged_percentage score_percentage",
        ),
        "course_material_reach": _view(
            "course_id, material_id",
            varchar="material_type",
            bigint="unique_readers enrolled accesses",
            double="reach_percentage",
        ),
        "teacher_week": _view("user_id, course_id, week", bigint="works_viewed graded", double="score_percentage"),
        "forum_course_metrics": _view(
            "course_id", bigint="unique_posters unique_readers posts replies", double="reader_percentage"
        ),
    },
}
"""The views beyond the seed's, by job; these jobs may have more."""

ALL = VIEWS | {name: promised for views in MORE.values() for name, promised in views.items()}
