"""All views by Polars: lazy frames over the files, collected by the streaming engine.

The views of a topic are collected together, so that what they share is read once.

Usage: python polars_lazy.py MASTER OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
from polars import col

TEXT, COMMON = pl.String, {"event_type": pl.String, "user_id": pl.String, "role": pl.String, "timestamp": pl.String}
FIELDS = {
    "auth": {"session_id": TEXT, "registration_source": TEXT},
    "assessment": {
        "course_id": TEXT,
        "assignment_id": TEXT,
        "assignment_type": TEXT,
        "correct_answers": pl.Int64,
        "student_id": TEXT,
        "score": pl.Float64,
    },
    "video": {"video_id": TEXT, "course_id": TEXT, "watch_duration_seconds": pl.Int64},
    "course": dict.fromkeys(("course_id", "material_id", "material_type", "resource_id", "item_id", "item_type"), TEXT),
    "profile": {"field_name": TEXT, "updated_fields": pl.List(TEXT)},
    "notification": {"notification_type": TEXT},
    "forum": {"course_id": TEXT},
}
DATE = col("timestamp").dt.date().alias("date")
SECONDS = col("watch_duration_seconds")
Views = dict[str, pl.LazyFrame]


def events(master: Path, topic: str) -> pl.LazyFrame:
    """The topic's events, with the columns that the views need."""
    frame = pl.scan_parquet(master / f"topic={topic}_topic" / "**" / "*.parquet", hive_partitioning=False)
    fields = COMMON | FIELDS[topic]
    if "value" not in frame.collect_schema():
        numbers = [name for name, kind in fields.items() if kind == pl.Int64]  # 32-bit sums would overflow
        return frame.select(*fields).with_columns(col(*numbers).cast(pl.Int64) if numbers else [])
    value = col("value").cast(TEXT).str.json_decode(pl.Struct(fields))
    parsed = frame.select(value.alias("event")).unnest("event")
    return parsed.with_columns(col("timestamp").str.to_datetime("%+", time_unit="us", time_zone="UTC"))


def of(*types: str) -> pl.Expr:
    """Whether an event is of these types."""
    return col("event_type").is_in(types)


def distinct(name: str) -> pl.Expr:
    """How many different values, NULL not being one."""
    return col(name).drop_nulls().n_unique()


def total(column: pl.Expr) -> pl.Expr:
    """The sum; NULL where there is no value."""
    return pl.when(column.count() > 0).then(column.sum())


def rate(part: str, whole: str) -> pl.Expr:
    """Percent; NULL of nothing."""
    return pl.when(col(whole) > 0).then(100.0 * col(part) / col(whole))


def auth(events: pl.LazyFrame) -> Views:
    """Logins, sessions, sign-ups."""
    logins = events.filter(of("LOGIN"))
    sessions = (
        events.filter(col("session_id").is_not_null())
        .group_by("user_id", "session_id")
        .agg(
            col("timestamp").filter(of("LOGIN")).min().alias("login"),
            col("timestamp").filter(of("LOGOUT")).max().alias("logout"),
        )
        .with_columns(((col("logout") - col("login")).dt.total_microseconds() / 60e6).alias("minutes"))
        .filter(col("minutes") >= 0)
    )
    return {
        "auth_daily_active_users": logins.group_by(DATE).agg(
            daily_active_users=distinct("user_id"), total_sessions=distinct("session_id")
        ),
        "auth_hourly_login_patterns": logins.group_by(DATE, col("timestamp").dt.hour().alias("hour")).agg(
            login_count=pl.len()
        ),
        "auth_user_session_metrics": sessions.group_by("user_id").agg(
            total_sessions=pl.len(),
            avg_session_duration_minutes=col("minutes").mean(),
            min_session_duration_minutes=col("minutes").min(),
            max_session_duration_minutes=col("minutes").max(),
            total_time_online_minutes=col("minutes").sum(),
        ),
        "auth_user_activity_summary": events.group_by("user_id", "role").agg(
            total_logins=of("LOGIN").sum(),
            total_logouts=of("LOGOUT").sum(),
            first_activity=col("timestamp").min(),
            last_activity=col("timestamp").max(),
            unique_sessions=distinct("session_id"),
        ),
        "auth_registration_analytics": events.filter(of("SIGNUP"))
        .group_by(DATE, "registration_source", "role")
        .agg(new_signups=pl.len()),
    }


def assessment(events: pl.LazyFrame) -> Views:
    """Assignments, quizzes, grades."""
    submissions = events.filter(of("SUBMIT_ASSIGNMENT"))
    quizzes = events.filter(of("QUIZ_COMPLETED"))
    grades = events.filter(of("GRADE_ASSIGNMENT"))
    given = events.filter(col("assignment_id").is_not_null())
    viewed = (
        given.filter(of("VIEW_ASSIGNMENT_FIRST_TIME"))
        .group_by("user_id", "assignment_id")
        .agg(viewed=col("timestamp").min(), course_id=col("course_id").sort_by("timestamp").first())
    )
    submitted = (
        given.filter(of("SUBMIT_ASSIGNMENT")).group_by("user_id", "assignment_id").agg(submitted=col("timestamp").min())
    )
    pairs = (
        viewed.join(submitted, on=["user_id", "assignment_id"])
        .with_columns(hours=(col("submitted") - col("viewed")).dt.total_microseconds() / 3600e6)
        .filter(col("hours") >= 0)
    )
    results = pl.concat(
        [
            quizzes.select("user_id", "course_id", "event_type", "correct_answers", score=pl.lit(None, pl.Float64)),
            grades.select(
                col("student_id").alias("user_id"),
                "course_id",
                "event_type",
                pl.lit(None, events.collect_schema()["correct_answers"]).alias("correct_answers"),
                "score",
            ),
        ]
    )
    return {
        "assessment_student_submissions": submissions.group_by("user_id", "course_id").agg(
            total_assignments_submitted=distinct("assignment_id"),
            total_submissions=pl.len(),
            first_submission=col("timestamp").min(),
            last_submission=col("timestamp").max(),
        ),
        "assessment_engagement_timeline": pairs.group_by("user_id", "course_id").agg(
            assignments_completed=pl.len(),
            avg_hours_to_submit=col("hours").mean(),
            min_hours_to_submit=col("hours").min(),
            max_hours_to_submit=col("hours").max(),
        ),
        "assessment_quiz_performance": quizzes.group_by("user_id", "course_id").agg(
            total_quizzes_completed=pl.len(),
            avg_correct_answers=col("correct_answers").mean(),
            total_correct_answers=total(col("correct_answers")),
            min_correct_answers=col("correct_answers").min(),
            max_correct_answers=col("correct_answers").max(),
        ),
        "assessment_grading_stats": grades.group_by("student_id", "course_id").agg(
            total_assignments_graded=pl.len(),
            avg_assignment_score=col("score").mean(),
            min_assignment_score=col("score").min(),
            max_assignment_score=col("score").max(),
            total_assignment_score=total(col("score")),
        ),
        "assessment_teacher_workload": events.filter(of("VIEW_STUDENT_WORK", "GRADE_ASSIGNMENT"))
        .group_by("user_id", "course_id")
        .agg(
            total_works_viewed=of("VIEW_STUDENT_WORK").sum(),
            total_assignments_graded=of("GRADE_ASSIGNMENT").sum(),
            avg_score_given=col("score").filter(of("GRADE_ASSIGNMENT")).mean(),
        ),
        "assessment_submission_distribution": submissions.group_by(DATE, "course_id", "assignment_type").agg(
            submissions_count=pl.len(), unique_students=distinct("user_id")
        ),
        "assessment_student_overall_performance": results.group_by("user_id", "course_id").agg(
            quizzes_completed=of("QUIZ_COMPLETED").sum(),
            avg_quiz_correct=col("correct_answers").mean(),
            assignments_graded=of("GRADE_ASSIGNMENT").sum(),
            avg_assignment_score=col("score").mean(),
        ),
    }


def video(events: pl.LazyFrame) -> Views:
    """Viewings."""
    watched = events.filter(of("VIDEO_WATCHED"))
    seconds = total(SECONDS)
    students = watched.group_by("user_id", "course_id").agg(
        videos_watched_count=distinct("video_id"),
        total_watch_seconds=seconds,
        total_sessions=pl.len(),
        total_watch_hours=seconds / 3600,
    )
    courses = watched.group_by("course_id").agg(total_videos_in_course=distinct("video_id"))
    mean = col("avg_watch_duration")
    risk = (
        pl.when(mean < 60)
        .then(pl.lit("High Risk"))
        .when(mean < 180)
        .then(pl.lit("Medium Risk"))
        .when(mean.is_not_null())
        .then(pl.lit("Good Engagement"))
    )
    return {
        "video_total_watch_time": watched.group_by("user_id", "video_id", "course_id").agg(
            total_watch_seconds=seconds,
            total_watch_sessions=pl.len(),
            avg_watch_duration_seconds=SECONDS.mean(),
            longest_session_seconds=SECONDS.max(),
            shortest_session_seconds=SECONDS.min(),
            total_watch_minutes=seconds / 60,
            total_watch_hours=seconds / 3600,
        ),
        "video_student_engagement": watched.group_by("user_id", "course_id").agg(
            unique_videos_watched=distinct("video_id"),
            total_watch_seconds=seconds,
            total_video_events=pl.len(),
            avg_watch_duration_seconds=SECONDS.mean(),
            total_watch_hours=seconds / 3600,
        ),
        "video_popularity": watched.group_by("video_id", "course_id").agg(
            unique_viewers=distinct("user_id"),
            total_views_seconds=seconds,
            total_view_events=pl.len(),
            avg_view_duration_seconds=SECONDS.mean(),
            total_views_hours=seconds / 3600,
        ),
        "video_daily_engagement": watched.group_by(DATE, "course_id").agg(
            active_video_watchers=distinct("user_id"),
            unique_videos_watched=distinct("video_id"),
            total_watch_seconds=seconds,
            total_watch_events=pl.len(),
            total_watch_hours=seconds / 3600,
        ),
        "video_course_metrics": watched.group_by("course_id").agg(
            total_students_watching=distinct("user_id"),
            total_videos_in_course=distinct("video_id"),
            total_course_watch_seconds=seconds,
            total_course_watch_hours=seconds / 3600,
        ),
        "video_student_course_summary": students.join(courses, on="course_id", nulls_equal=True).with_columns(
            video_coverage_percentage=rate("videos_watched_count", "total_videos_in_course")
        ),
        "video_drop_off_indicators": watched.group_by("video_id", "course_id")
        .agg(
            total_views=pl.len(),
            avg_watch_duration=SECONDS.mean(),
            min_watch_duration=SECONDS.min(),
            unique_viewers=distinct("user_id"),
        )
        .with_columns(potential_drop_off=risk),
    }


def course(events: pl.LazyFrame) -> Views:
    """Enrolments, material, downloads."""
    is_access, is_download = of("ACCESS_COURSE_MATERIAL", "ITEM_CLICK"), of("DOWNLOAD_MATERIAL")
    is_student = col("role").ne_missing("teacher")
    counted = is_access | is_download | of("COURSE_ENROLLED")
    accesses = events.filter(is_access).with_columns(
        material_id=pl.coalesce("material_id", "item_id"), material_type=pl.coalesce("material_type", "item_type")
    )
    downloads = events.filter(is_download).with_columns(resource_id=pl.coalesce("resource_id", "material_id"))
    return {
        "course_enrollment_stats": events.filter(of("COURSE_ENROLLED"))
        .group_by(DATE, "course_id")
        .agg(new_enrollments=pl.len(), unique_new_students=distinct("user_id")),
        "course_material_access": accesses.group_by("user_id", "course_id").agg(
            total_material_accesses=pl.len(),
            unique_materials_accessed=distinct("material_id"),
            first_access=col("timestamp").min(),
            last_access=col("timestamp").max(),
        ),
        "course_material_popularity": accesses.group_by("course_id", "material_id", "material_type").agg(
            unique_accessors=distinct("user_id"), total_accesses=pl.len()
        ),
        "course_download_analytics": downloads.group_by("user_id", "course_id").agg(
            total_downloads=pl.len(), unique_resources_downloaded=distinct("resource_id")
        ),
        "course_resource_download_stats": downloads.group_by("course_id", "resource_id").agg(
            unique_downloaders=distinct("user_id"), total_download_count=pl.len()
        ),
        "course_activity_summary": events.filter(counted)
        .group_by("user_id")
        .agg(
            courses_enrolled=col("course_id").filter(of("COURSE_ENROLLED")).drop_nulls().n_unique(),
            total_material_accesses=is_access.sum(),
            courses_with_material_access=col("course_id").filter(is_access).drop_nulls().n_unique(),
            total_downloads=is_download.sum(),
        ),
        "course_daily_engagement": events.group_by(DATE, "course_id", "event_type").agg(
            unique_users=distinct("user_id"), event_count=pl.len()
        ),
        "course_overall_metrics": events.filter(counted | is_student)
        .group_by("course_id")
        .agg(
            total_enrollments=of("COURSE_ENROLLED").sum(),
            total_material_accesses=is_access.sum(),
            total_downloads=is_download.sum(),
            unique_students_interacting=col("user_id").filter(is_student).n_unique(),
        ),
    }


def profile(events: pl.LazyFrame) -> Views:
    """Profile changes."""
    updates = events.filter(of("UPDATE_PROFILE"))
    listed = col("field_name").is_null() & (col("updated_fields").list.len() > 0)
    fields = updates.select(
        "user_id", field_name=pl.when(listed).then("updated_fields").otherwise(pl.concat_list("field_name"))
    ).explode("field_name")
    return {
        "profile_update_frequency": updates.group_by("user_id").agg(
            total_profile_updates=pl.len(), first_update=col("timestamp").min(), last_update=col("timestamp").max()
        ),
        "profile_field_changes": fields.group_by("field_name").agg(
            total_updates=pl.len(), unique_users_updating=distinct("user_id")
        ),
        "profile_avatar_changes": events.filter(of("CHANGE_AVATAR", "PROFILE_PICTURE_UPDATED"))
        .group_by("user_id")
        .agg(avatar_changes_count=pl.len(), first_change=col("timestamp").min(), last_change=col("timestamp").max()),
        "profile_daily_activity": events.group_by(DATE, "event_type").agg(
            unique_users=distinct("user_id"), event_count=pl.len()
        ),
    }


def notification(events: pl.LazyFrame) -> Views:
    """Notifications sent and clicked."""
    sent, clicked = of("NOTIFICATION_SENT").sum(), of("NOTIFICATION_CLICKED").sum()
    answered = events.filter(of("NOTIFICATION_SENT", "NOTIFICATION_CLICKED"))
    return {
        "notification_delivery_stats": events.filter(of("NOTIFICATION_SENT"))
        .group_by("notification_type")
        .agg(total_sent=pl.len(), unique_recipients=distinct("user_id")),
        "notification_engagement": events.filter(of("NOTIFICATION_CLICKED"))
        .group_by("user_id", "notification_type")
        .agg(notifications_clicked=pl.len()),
        "notification_click_through_rate": answered.group_by("notification_type")
        .agg(total_sent=sent, total_clicked=clicked)
        .with_columns(click_through_rate=rate("total_clicked", "total_sent")),
        "notification_user_preferences": answered.group_by("user_id", "notification_type")
        .agg(notifications_received=sent, notifications_clicked=clicked)
        .with_columns(engagement_rate=rate("notifications_clicked", "notifications_received")),
        "notification_daily_activity": events.group_by(DATE, "event_type", "notification_type").agg(
            unique_users=distinct("user_id"), event_count=pl.len()
        ),
        "notification_user_summary": events.group_by("user_id")
        .agg(total_received=sent, total_clicked=clicked)
        .with_columns(overall_engagement_rate=rate("total_clicked", "total_received")),
    }


def forum(events: pl.LazyFrame) -> Views:
    """What happens in discussions."""
    return {
        "forum_daily_activity": events.group_by(DATE, "course_id", "event_type").agg(
            unique_users=distinct("user_id"), event_count=pl.len()
        )
    }


TOPICS = {
    "auth": auth,
    "assessment": assessment,
    "video": video,
    "course": course,
    "profile": profile,
    "notification": notification,
    "forum": forum,
}


def main(master: Path, out: Path) -> None:
    """Write every view of ``master`` to ``out``/<view>/part-00000.parquet."""
    for topic, views_of in TOPICS.items():
        views = views_of(events(master, topic))
        frames = pl.collect_all(views.values(), engine="streaming")
        for name, frame in zip(views, frames, strict=True):
            (out / name).mkdir(parents=True, exist_ok=True)
            frame.write_parquet(out / name / "part-00000.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
