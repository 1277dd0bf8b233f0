"""All views as PySpark DataFrames, in six jobs; both PySpark peers use them.

A job is a function from the events of its topics to its views by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - as everyone calls it

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

COMMON = "event_type string, user_id string, role string, timestamp string, "
SCHEMAS = {
    "auth": COMMON + "session_id string, registration_source string",
    "assessment": COMMON
    + "course_id string, assignment_id string, assignment_type string, correct_answers int, student_id string, score double",
    "video": COMMON + "video_id string, course_id string, watch_duration_seconds int",
    "course": COMMON
    + "course_id string, material_id string, material_type string, resource_id string, item_id string, item_type string",
    "profile": COMMON + "field_name string, updated_fields array<string>",
    "notification": COMMON + "notification_type string",
    "forum": COMMON + "course_id string",
}
TOPICS = {
    "auth": ("auth",),
    "assessment": ("assessment",),
    "video": ("video",),
    "course": ("course",),
    "profile_notification": ("profile", "notification"),
    "forum": ("forum",),
}
"""The topics each job reads."""


def events(spark: SparkSession, master: str, topic: str) -> DataFrame:
    """The topic's events: columns of flat files, or parsed from messages each time they are needed."""
    path = Path(master) / f"topic={topic}_topic"
    df = spark.read.option("recursiveFileLookup", "true").parquet(str(path))
    if "value" not in df.columns:
        return df
    value = F.from_json(F.col("value").cast("string"), SCHEMAS[topic])
    return df.select(value.alias("event")).select("event.*").withColumn("timestamp", F.to_timestamp("timestamp"))


def date() -> Column:
    """The day, in UTC."""
    return F.to_date("timestamp").alias("date")


def count_of(*types: str) -> Column:
    """How many events are of these types."""
    return F.count(F.when(F.col("event_type").isin(*types), 1))


def rate(part: str, whole: str) -> Column:
    """Percent; NULL of nothing."""
    return F.when(F.col(whole) > 0, F.lit(100.0) * F.col(part) / F.col(whole))


def auth(df: DataFrame) -> dict[str, DataFrame]:
    """Logins, sessions, sign-ups."""
    logins = df.filter(F.col("event_type") == "LOGIN")
    sessions = (
        df.filter(F.col("session_id").isNotNull())
        .groupBy("user_id", "session_id")
        .agg(
            F.min(F.when(F.col("event_type") == "LOGIN", F.col("timestamp"))).alias("login"),
            F.max(F.when(F.col("event_type") == "LOGOUT", F.col("timestamp"))).alias("logout"),
        )
        .withColumn("minutes", (F.unix_micros("logout") - F.unix_micros("login")) / F.lit(60e6))
        .filter(F.col("minutes") >= 0)
    )
    return {
        "auth_daily_active_users": logins.groupBy(date()).agg(
            F.countDistinct("user_id").alias("daily_active_users"),
            F.countDistinct("session_id").alias("total_sessions"),
        ),
        "auth_hourly_login_patterns": logins.groupBy(date(), F.hour("timestamp").alias("hour")).agg(
            F.count("*").alias("login_count")
        ),
        "auth_user_session_metrics": sessions.groupBy("user_id").agg(
            F.count("*").alias("total_sessions"),
            F.avg("minutes").alias("avg_session_duration_minutes"),
            F.min("minutes").alias("min_session_duration_minutes"),
            F.max("minutes").alias("max_session_duration_minutes"),
            F.sum("minutes").alias("total_time_online_minutes"),
        ),
        "auth_user_activity_summary": df.groupBy("user_id", "role").agg(
            count_of("LOGIN").alias("total_logins"),
            count_of("LOGOUT").alias("total_logouts"),
            F.min("timestamp").alias("first_activity"),
            F.max("timestamp").alias("last_activity"),
            F.countDistinct("session_id").alias("unique_sessions"),
        ),
        "auth_registration_analytics": df.filter(F.col("event_type") == "SIGNUP")
        .groupBy(date(), "registration_source", "role")
        .agg(F.count("*").alias("new_signups")),
    }


def assessment(df: DataFrame) -> dict[str, DataFrame]:
    """Assignments, quizzes, grades."""
    submissions = df.filter(F.col("event_type") == "SUBMIT_ASSIGNMENT")
    quizzes = df.filter(F.col("event_type") == "QUIZ_COMPLETED")
    grades = df.filter(F.col("event_type") == "GRADE_ASSIGNMENT")
    given = df.filter(F.col("assignment_id").isNotNull())
    viewed = (
        given.filter(F.col("event_type") == "VIEW_ASSIGNMENT_FIRST_TIME")
        .groupBy("user_id", "assignment_id")
        .agg(F.min("timestamp").alias("viewed"), F.min_by("course_id", "timestamp").alias("course_id"))
    )
    submitted = (
        given.filter(F.col("event_type") == "SUBMIT_ASSIGNMENT")
        .groupBy("user_id", "assignment_id")
        .agg(F.min("timestamp").alias("submitted"))
    )
    pairs = (
        viewed.join(submitted, ["user_id", "assignment_id"])
        .withColumn("hours", (F.unix_micros("submitted") - F.unix_micros("viewed")) / F.lit(3600e6))
        .filter(F.col("hours") >= 0)
    )
    nothing = F.lit(None)
    results = quizzes.select(
        "user_id", "course_id", "event_type", "correct_answers", nothing.alias("score")
    ).unionByName(
        grades.select(
            F.col("student_id").alias("user_id"), "course_id", "event_type", nothing.alias("correct_answers"), "score"
        )
    )
    return {
        "assessment_student_submissions": submissions.groupBy("user_id", "course_id").agg(
            F.countDistinct("assignment_id").alias("total_assignments_submitted"),
            F.count("*").alias("total_submissions"),
            F.min("timestamp").alias("first_submission"),
            F.max("timestamp").alias("last_submission"),
        ),
        "assessment_engagement_timeline": pairs.groupBy("user_id", "course_id").agg(
            F.count("*").alias("assignments_completed"),
            F.avg("hours").alias("avg_hours_to_submit"),
            F.min("hours").alias("min_hours_to_submit"),
            F.max("hours").alias("max_hours_to_submit"),
        ),
        "assessment_quiz_performance": quizzes.groupBy("user_id", "course_id").agg(
            F.count("*").alias("total_quizzes_completed"),
            F.avg("correct_answers").alias("avg_correct_answers"),
            F.sum("correct_answers").alias("total_correct_answers"),
            F.min("correct_answers").alias("min_correct_answers"),
            F.max("correct_answers").alias("max_correct_answers"),
        ),
        "assessment_grading_stats": grades.groupBy("student_id", "course_id").agg(
            F.count("*").alias("total_assignments_graded"),
            F.avg("score").alias("avg_assignment_score"),
            F.min("score").alias("min_assignment_score"),
            F.max("score").alias("max_assignment_score"),
            F.sum("score").alias("total_assignment_score"),
        ),
        "assessment_teacher_workload": df.filter(F.col("event_type").isin("VIEW_STUDENT_WORK", "GRADE_ASSIGNMENT"))
        .groupBy("user_id", "course_id")
        .agg(
            count_of("VIEW_STUDENT_WORK").alias("total_works_viewed"),
            count_of("GRADE_ASSIGNMENT").alias("total_assignments_graded"),
            F.avg(F.when(F.col("event_type") == "GRADE_ASSIGNMENT", F.col("score"))).alias("avg_score_given"),
        ),
        "assessment_submission_distribution": submissions.groupBy(date(), "course_id", "assignment_type").agg(
            F.count("*").alias("submissions_count"), F.countDistinct("user_id").alias("unique_students")
        ),
        "assessment_student_overall_performance": results.groupBy("user_id", "course_id").agg(
            count_of("QUIZ_COMPLETED").alias("quizzes_completed"),
            F.avg("correct_answers").alias("avg_quiz_correct"),
            count_of("GRADE_ASSIGNMENT").alias("assignments_graded"),
            F.avg("score").alias("avg_assignment_score"),
        ),
    }


def video(df: DataFrame) -> dict[str, DataFrame]:
    """Viewings."""
    watched = df.filter(F.col("event_type") == "VIDEO_WATCHED")
    seconds = F.sum("watch_duration_seconds")
    mean = F.avg("watch_duration_seconds")
    students = watched.groupBy("user_id", "course_id").agg(
        F.countDistinct("video_id").alias("videos_watched_count"),
        seconds.alias("total_watch_seconds"),
        F.count("*").alias("total_sessions"),
        (seconds / 3600).alias("total_watch_hours"),
    )
    courses = watched.groupBy(F.col("course_id").alias("of")).agg(
        F.countDistinct("video_id").alias("total_videos_in_course")
    )
    return {
        "video_total_watch_time": watched.groupBy("user_id", "video_id", "course_id").agg(
            seconds.alias("total_watch_seconds"),
            F.count("*").alias("total_watch_sessions"),
            mean.alias("avg_watch_duration_seconds"),
            F.max("watch_duration_seconds").alias("longest_session_seconds"),
            F.min("watch_duration_seconds").alias("shortest_session_seconds"),
            (seconds / 60).alias("total_watch_minutes"),
            (seconds / 3600).alias("total_watch_hours"),
        ),
        "video_student_engagement": watched.groupBy("user_id", "course_id").agg(
            F.countDistinct("video_id").alias("unique_videos_watched"),
            seconds.alias("total_watch_seconds"),
            F.count("*").alias("total_video_events"),
            mean.alias("avg_watch_duration_seconds"),
            (seconds / 3600).alias("total_watch_hours"),
        ),
        "video_popularity": watched.groupBy("video_id", "course_id").agg(
            F.countDistinct("user_id").alias("unique_viewers"),
            seconds.alias("total_views_seconds"),
            F.count("*").alias("total_view_events"),
            mean.alias("avg_view_duration_seconds"),
            (seconds / 3600).alias("total_views_hours"),
        ),
        "video_daily_engagement": watched.groupBy(date(), "course_id").agg(
            F.countDistinct("user_id").alias("active_video_watchers"),
            F.countDistinct("video_id").alias("unique_videos_watched"),
            seconds.alias("total_watch_seconds"),
            F.count("*").alias("total_watch_events"),
            (seconds / 3600).alias("total_watch_hours"),
        ),
        "video_course_metrics": watched.groupBy("course_id").agg(
            F.countDistinct("user_id").alias("total_students_watching"),
            F.countDistinct("video_id").alias("total_videos_in_course"),
            seconds.alias("total_course_watch_seconds"),
            (seconds / 3600).alias("total_course_watch_hours"),
        ),
        "video_student_course_summary": students.join(courses, F.col("course_id").eqNullSafe(F.col("of")))
        .drop("of")
        .withColumn("video_coverage_percentage", rate("videos_watched_count", "total_videos_in_course")),
        "video_drop_off_indicators": watched.groupBy("video_id", "course_id")
        .agg(
            F.count("*").alias("total_views"),
            mean.alias("avg_watch_duration"),
            F.min("watch_duration_seconds").alias("min_watch_duration"),
            F.countDistinct("user_id").alias("unique_viewers"),
        )
        .withColumn(
            "potential_drop_off",
            F.when(F.col("avg_watch_duration") < 60, "High Risk")
            .when(F.col("avg_watch_duration") < 180, "Medium Risk")
            .when(F.col("avg_watch_duration").isNotNull(), "Good Engagement"),
        ),
    }


def course(df: DataFrame) -> dict[str, DataFrame]:
    """Enrolments, material, downloads."""
    enrolled = df.filter(F.col("event_type") == "COURSE_ENROLLED")
    accesses = (
        df.filter(F.col("event_type").isin("ACCESS_COURSE_MATERIAL", "ITEM_CLICK"))
        .withColumn("material_id", F.coalesce("material_id", "item_id"))
        .withColumn("material_type", F.coalesce("material_type", "item_type"))
    )
    downloads = df.filter(F.col("event_type") == "DOWNLOAD_MATERIAL").withColumn(
        "resource_id", F.coalesce("resource_id", "material_id")
    )
    counted = F.col("event_type").isin("COURSE_ENROLLED", "ACCESS_COURSE_MATERIAL", "ITEM_CLICK", "DOWNLOAD_MATERIAL")
    is_access = F.col("event_type").isin("ACCESS_COURSE_MATERIAL", "ITEM_CLICK")
    is_student = ~F.col("role").eqNullSafe("teacher")
    return {
        "course_enrollment_stats": enrolled.groupBy(date(), "course_id").agg(
            F.count("*").alias("new_enrollments"), F.countDistinct("user_id").alias("unique_new_students")
        ),
        "course_material_access": accesses.groupBy("user_id", "course_id").agg(
            F.count("*").alias("total_material_accesses"),
            F.countDistinct("material_id").alias("unique_materials_accessed"),
            F.min("timestamp").alias("first_access"),
            F.max("timestamp").alias("last_access"),
        ),
        "course_material_popularity": accesses.groupBy("course_id", "material_id", "material_type").agg(
            F.countDistinct("user_id").alias("unique_accessors"), F.count("*").alias("total_accesses")
        ),
        "course_download_analytics": downloads.groupBy("user_id", "course_id").agg(
            F.count("*").alias("total_downloads"), F.countDistinct("resource_id").alias("unique_resources_downloaded")
        ),
        "course_resource_download_stats": downloads.groupBy("course_id", "resource_id").agg(
            F.countDistinct("user_id").alias("unique_downloaders"), F.count("*").alias("total_download_count")
        ),
        "course_activity_summary": df.filter(counted)
        .groupBy("user_id")
        .agg(
            F.countDistinct(F.when(F.col("event_type") == "COURSE_ENROLLED", F.col("course_id"))).alias(
                "courses_enrolled"
            ),
            count_of("ACCESS_COURSE_MATERIAL", "ITEM_CLICK").alias("total_material_accesses"),
            F.countDistinct(F.when(is_access, F.col("course_id"))).alias("courses_with_material_access"),
            count_of("DOWNLOAD_MATERIAL").alias("total_downloads"),
        ),
        "course_daily_engagement": df.groupBy(date(), "course_id", "event_type").agg(
            F.countDistinct("user_id").alias("unique_users"), F.count("*").alias("event_count")
        ),
        "course_overall_metrics": df.filter(counted | is_student)
        .groupBy("course_id")
        .agg(
            count_of("COURSE_ENROLLED").alias("total_enrollments"),
            count_of("ACCESS_COURSE_MATERIAL", "ITEM_CLICK").alias("total_material_accesses"),
            count_of("DOWNLOAD_MATERIAL").alias("total_downloads"),
            F.countDistinct(F.when(is_student, F.col("user_id"))).alias("unique_students_interacting"),
        ),
    }


def profile_notification(profile: DataFrame, notification: DataFrame) -> dict[str, DataFrame]:
    """Profile changes; notifications sent and clicked."""
    updates = profile.filter(F.col("event_type") == "UPDATE_PROFILE")
    listed = F.col("field_name").isNull() & (F.size("updated_fields") > 0)
    fields = updates.select(
        "user_id",
        F.explode(F.when(listed, F.col("updated_fields")).otherwise(F.array("field_name"))).alias("field_name"),
    )
    avatars = profile.filter(F.col("event_type").isin("CHANGE_AVATAR", "PROFILE_PICTURE_UPDATED"))
    sent, clicked = count_of("NOTIFICATION_SENT"), count_of("NOTIFICATION_CLICKED")
    answered = notification.filter(F.col("event_type").isin("NOTIFICATION_SENT", "NOTIFICATION_CLICKED"))
    return {
        "profile_update_frequency": updates.groupBy("user_id").agg(
            F.count("*").alias("total_profile_updates"),
            F.min("timestamp").alias("first_update"),
            F.max("timestamp").alias("last_update"),
        ),
        "profile_field_changes": fields.groupBy("field_name").agg(
            F.count("*").alias("total_updates"), F.countDistinct("user_id").alias("unique_users_updating")
        ),
        "profile_avatar_changes": avatars.groupBy("user_id").agg(
            F.count("*").alias("avatar_changes_count"),
            F.min("timestamp").alias("first_change"),
            F.max("timestamp").alias("last_change"),
        ),
        "profile_daily_activity": profile.groupBy(date(), "event_type").agg(
            F.countDistinct("user_id").alias("unique_users"), F.count("*").alias("event_count")
        ),
        "notification_delivery_stats": notification.filter(F.col("event_type") == "NOTIFICATION_SENT")
        .groupBy("notification_type")
        .agg(F.count("*").alias("total_sent"), F.countDistinct("user_id").alias("unique_recipients")),
        "notification_engagement": notification.filter(F.col("event_type") == "NOTIFICATION_CLICKED")
        .groupBy("user_id", "notification_type")
        .agg(F.count("*").alias("notifications_clicked")),
        "notification_click_through_rate": answered.groupBy("notification_type")
        .agg(sent.alias("total_sent"), clicked.alias("total_clicked"))
        .withColumn("click_through_rate", rate("total_clicked", "total_sent")),
        "notification_user_preferences": answered.groupBy("user_id", "notification_type")
        .agg(sent.alias("notifications_received"), clicked.alias("notifications_clicked"))
        .withColumn("engagement_rate", rate("notifications_clicked", "notifications_received")),
        "notification_daily_activity": notification.groupBy(date(), "event_type", "notification_type").agg(
            F.countDistinct("user_id").alias("unique_users"), F.count("*").alias("event_count")
        ),
        "notification_user_summary": notification.groupBy("user_id")
        .agg(sent.alias("total_received"), clicked.alias("total_clicked"))
        .withColumn("overall_engagement_rate", rate("total_clicked", "total_received")),
    }


def forum(df: DataFrame) -> dict[str, DataFrame]:
    """What happens in discussions."""
    return {
        "forum_daily_activity": df.groupBy(date(), "course_id", "event_type").agg(
            F.countDistinct("user_id").alias("unique_users"), F.count("*").alias("event_count")
        )
    }


JOBS = {
    "auth": auth,
    "assessment": assessment,
    "video": video,
    "course": course,
    "profile_notification": profile_notification,
    "forum": forum,
}
