-- All views as plain SQL over the events, each by itself, with no rollups: what a DuckDB user would write.
-- Read are auth, assessment, video, course, profile, notification and forum: a topic's events with typed columns.

CREATE VIEW auth_daily_active_users AS
SELECT timestamp::DATE AS date, count(DISTINCT user_id) AS daily_active_users, count(DISTINCT session_id) AS total_sessions
FROM auth WHERE event_type = 'LOGIN' GROUP BY ALL;

CREATE VIEW auth_hourly_login_patterns AS
SELECT timestamp::DATE AS date, hour(timestamp) AS hour, count(*) AS login_count
FROM auth WHERE event_type = 'LOGIN' GROUP BY ALL;

CREATE VIEW auth_user_session_metrics AS
WITH sessions AS (
  SELECT user_id, session_id,
    date_diff('microsecond', min(timestamp) FILTER (event_type = 'LOGIN'), max(timestamp) FILTER (event_type = 'LOGOUT')) / 60e6 AS minutes
  FROM auth WHERE session_id IS NOT NULL GROUP BY ALL
)
SELECT user_id, count(*) AS total_sessions, avg(minutes) AS avg_session_duration_minutes,
  min(minutes) AS min_session_duration_minutes, max(minutes) AS max_session_duration_minutes, sum(minutes) AS total_time_online_minutes
FROM sessions WHERE minutes >= 0 GROUP BY ALL;

CREATE VIEW auth_user_activity_summary AS
SELECT user_id, role, count(*) FILTER (event_type = 'LOGIN') AS total_logins, count(*) FILTER (event_type = 'LOGOUT') AS total_logouts,
  min(timestamp) AS first_activity, max(timestamp) AS last_activity, count(DISTINCT session_id) AS unique_sessions
FROM auth GROUP BY ALL;

CREATE VIEW auth_registration_analytics AS
SELECT timestamp::DATE AS date, registration_source, role, count(*) AS new_signups
FROM auth WHERE event_type = 'SIGNUP' GROUP BY ALL;

CREATE VIEW assessment_student_submissions AS
SELECT user_id, course_id, count(DISTINCT assignment_id) AS total_assignments_submitted, count(*) AS total_submissions,
  min(timestamp) AS first_submission, max(timestamp) AS last_submission
FROM assessment WHERE event_type = 'SUBMIT_ASSIGNMENT' GROUP BY ALL;

CREATE VIEW assessment_engagement_timeline AS
WITH pairs AS (
  SELECT user_id, assignment_id,
    arg_min(course_id, timestamp) FILTER (event_type = 'VIEW_ASSIGNMENT_FIRST_TIME') AS course_id,
    date_diff(
      'microsecond',
      min(timestamp) FILTER (event_type = 'VIEW_ASSIGNMENT_FIRST_TIME'),
      min(timestamp) FILTER (event_type = 'SUBMIT_ASSIGNMENT')
    ) / 3600e6 AS hours
  FROM assessment WHERE assignment_id IS NOT NULL GROUP BY user_id, assignment_id
)
SELECT user_id, course_id, count(*) AS assignments_completed, avg(hours) AS avg_hours_to_submit, min(hours) AS min_hours_to_submit,
  max(hours) AS max_hours_to_submit
FROM pairs WHERE hours >= 0 GROUP BY ALL;

CREATE VIEW assessment_quiz_performance AS
SELECT user_id, course_id, count(*) AS total_quizzes_completed, avg(correct_answers) AS avg_correct_answers,
  sum(correct_answers) AS total_correct_answers, min(correct_answers) AS min_correct_answers, max(correct_answers) AS max_correct_answers
FROM assessment WHERE event_type = 'QUIZ_COMPLETED' GROUP BY ALL;

CREATE VIEW assessment_grading_stats AS
SELECT student_id, course_id, count(*) AS total_assignments_graded, avg(score) AS avg_assignment_score,
  min(score) AS min_assignment_score, max(score) AS max_assignment_score, sum(score) AS total_assignment_score
FROM assessment WHERE event_type = 'GRADE_ASSIGNMENT' GROUP BY ALL;

CREATE VIEW assessment_teacher_workload AS
SELECT user_id, course_id, count(*) FILTER (event_type = 'VIEW_STUDENT_WORK') AS total_works_viewed,
  count(*) FILTER (event_type = 'GRADE_ASSIGNMENT') AS total_assignments_graded,
  avg(score) FILTER (event_type = 'GRADE_ASSIGNMENT') AS avg_score_given
FROM assessment WHERE event_type IN ('VIEW_STUDENT_WORK', 'GRADE_ASSIGNMENT') GROUP BY ALL;

CREATE VIEW assessment_submission_distribution AS
SELECT timestamp::DATE AS date, course_id, assignment_type, count(*) AS submissions_count, count(DISTINCT user_id) AS unique_students
FROM assessment WHERE event_type = 'SUBMIT_ASSIGNMENT' GROUP BY ALL;

CREATE VIEW assessment_student_overall_performance AS
WITH results AS (
  SELECT user_id, course_id, event_type, correct_answers, NULL AS score FROM assessment WHERE event_type = 'QUIZ_COMPLETED'
  UNION ALL
  SELECT student_id, course_id, event_type, NULL, score FROM assessment WHERE event_type = 'GRADE_ASSIGNMENT'
)
SELECT user_id, course_id, count(*) FILTER (event_type = 'QUIZ_COMPLETED') AS quizzes_completed, avg(correct_answers) AS avg_quiz_correct,
  count(*) FILTER (event_type = 'GRADE_ASSIGNMENT') AS assignments_graded, avg(score) AS avg_assignment_score
FROM results GROUP BY ALL;

CREATE VIEW video_total_watch_time AS
SELECT user_id, video_id, course_id, sum(watch_duration_seconds) AS total_watch_seconds, count(*) AS total_watch_sessions,
  avg(watch_duration_seconds) AS avg_watch_duration_seconds, max(watch_duration_seconds) AS longest_session_seconds,
  min(watch_duration_seconds) AS shortest_session_seconds, sum(watch_duration_seconds) / 60 AS total_watch_minutes,
  sum(watch_duration_seconds) / 3600 AS total_watch_hours
FROM video WHERE event_type = 'VIDEO_WATCHED' GROUP BY ALL;

CREATE VIEW video_student_engagement AS
SELECT user_id, course_id, count(DISTINCT video_id) AS unique_videos_watched, sum(watch_duration_seconds) AS total_watch_seconds,
  count(*) AS total_video_events, avg(watch_duration_seconds) AS avg_watch_duration_seconds,
  sum(watch_duration_seconds) / 3600 AS total_watch_hours
FROM video WHERE event_type = 'VIDEO_WATCHED' GROUP BY ALL;

CREATE VIEW video_popularity AS
SELECT video_id, course_id, count(DISTINCT user_id) AS unique_viewers, sum(watch_duration_seconds) AS total_views_seconds,
  count(*) AS total_view_events, avg(watch_duration_seconds) AS avg_view_duration_seconds,
  sum(watch_duration_seconds) / 3600 AS total_views_hours
FROM video WHERE event_type = 'VIDEO_WATCHED' GROUP BY ALL;

CREATE VIEW video_daily_engagement AS
SELECT timestamp::DATE AS date, course_id, count(DISTINCT user_id) AS active_video_watchers,
  count(DISTINCT video_id) AS unique_videos_watched, sum(watch_duration_seconds) AS total_watch_seconds,
  count(*) AS total_watch_events, sum(watch_duration_seconds) / 3600 AS total_watch_hours
FROM video WHERE event_type = 'VIDEO_WATCHED' GROUP BY ALL;

CREATE VIEW video_course_metrics AS
SELECT course_id, count(DISTINCT user_id) AS total_students_watching, count(DISTINCT video_id) AS total_videos_in_course,
  sum(watch_duration_seconds) AS total_course_watch_seconds, sum(watch_duration_seconds) / 3600 AS total_course_watch_hours
FROM video WHERE event_type = 'VIDEO_WATCHED' GROUP BY ALL;

CREATE VIEW video_student_course_summary AS
WITH students AS (
  SELECT user_id, course_id, count(DISTINCT video_id) AS videos_watched_count, sum(watch_duration_seconds) AS total_watch_seconds,
    count(*) AS total_sessions
  FROM video WHERE event_type = 'VIDEO_WATCHED' GROUP BY ALL
), courses AS (
  SELECT course_id, count(DISTINCT video_id) AS total_videos_in_course FROM video WHERE event_type = 'VIDEO_WATCHED' GROUP BY ALL
)
SELECT students.*, total_watch_seconds / 3600 AS total_watch_hours, total_videos_in_course,
  100.0 * videos_watched_count / nullif(total_videos_in_course, 0) AS video_coverage_percentage
FROM students JOIN courses ON students.course_id IS NOT DISTINCT FROM courses.course_id;

CREATE VIEW video_drop_off_indicators AS
SELECT video_id, course_id, count(*) AS total_views, avg(watch_duration_seconds) AS avg_watch_duration,
  min(watch_duration_seconds) AS min_watch_duration, count(DISTINCT user_id) AS unique_viewers,
  CASE
    WHEN avg(watch_duration_seconds) < 60 THEN 'High Risk'
    WHEN avg(watch_duration_seconds) < 180 THEN 'Medium Risk'
    WHEN avg(watch_duration_seconds) IS NOT NULL THEN 'Good Engagement'
  END AS potential_drop_off
FROM video WHERE event_type = 'VIDEO_WATCHED' GROUP BY ALL;

CREATE VIEW course_enrollment_stats AS
SELECT timestamp::DATE AS date, course_id, count(*) AS new_enrollments, count(DISTINCT user_id) AS unique_new_students
FROM course WHERE event_type = 'COURSE_ENROLLED' GROUP BY ALL;

CREATE VIEW course_material_access AS
SELECT user_id, course_id, count(*) AS total_material_accesses,
  count(DISTINCT coalesce(material_id, item_id)) AS unique_materials_accessed, min(timestamp) AS first_access, max(timestamp) AS last_access
FROM course WHERE event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK') GROUP BY ALL;

CREATE VIEW course_material_popularity AS
SELECT course_id, coalesce(material_id, item_id) AS material_id, coalesce(material_type, item_type) AS material_type,
  count(DISTINCT user_id) AS unique_accessors, count(*) AS total_accesses
FROM course WHERE event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK') GROUP BY 1, 2, 3;

CREATE VIEW course_download_analytics AS
SELECT user_id, course_id, count(*) AS total_downloads, count(DISTINCT coalesce(resource_id, material_id)) AS unique_resources_downloaded
FROM course WHERE event_type = 'DOWNLOAD_MATERIAL' GROUP BY ALL;

CREATE VIEW course_resource_download_stats AS
SELECT course_id, coalesce(resource_id, material_id) AS resource_id, count(DISTINCT user_id) AS unique_downloaders,
  count(*) AS total_download_count
FROM course WHERE event_type = 'DOWNLOAD_MATERIAL' GROUP BY 1, 2;

CREATE VIEW course_activity_summary AS
SELECT user_id, count(DISTINCT course_id) FILTER (event_type = 'COURSE_ENROLLED') AS courses_enrolled,
  count(*) FILTER (event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK')) AS total_material_accesses,
  count(DISTINCT course_id) FILTER (event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK')) AS courses_with_material_access,
  count(*) FILTER (event_type = 'DOWNLOAD_MATERIAL') AS total_downloads
FROM course WHERE event_type IN ('COURSE_ENROLLED', 'ACCESS_COURSE_MATERIAL', 'ITEM_CLICK', 'DOWNLOAD_MATERIAL') GROUP BY ALL;

CREATE VIEW course_daily_engagement AS
SELECT timestamp::DATE AS date, course_id, event_type, count(DISTINCT user_id) AS unique_users, count(*) AS event_count
FROM course GROUP BY ALL;

CREATE VIEW course_overall_metrics AS
SELECT course_id, count(*) FILTER (event_type = 'COURSE_ENROLLED') AS total_enrollments,
  count(*) FILTER (event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK')) AS total_material_accesses,
  count(*) FILTER (event_type = 'DOWNLOAD_MATERIAL') AS total_downloads,
  count(DISTINCT user_id) FILTER (role IS DISTINCT FROM 'teacher') AS unique_students_interacting
FROM course
WHERE role IS DISTINCT FROM 'teacher' OR event_type IN ('COURSE_ENROLLED', 'ACCESS_COURSE_MATERIAL', 'ITEM_CLICK', 'DOWNLOAD_MATERIAL')
GROUP BY ALL;

CREATE VIEW profile_update_frequency AS
SELECT user_id, count(*) AS total_profile_updates, min(timestamp) AS first_update, max(timestamp) AS last_update
FROM profile WHERE event_type = 'UPDATE_PROFILE' GROUP BY ALL;

CREATE VIEW profile_field_changes AS
WITH changes AS (
  SELECT user_id, unnest(CASE WHEN field_name IS NULL AND len(updated_fields) > 0 THEN updated_fields ELSE [field_name] END) AS field_name
  FROM profile WHERE event_type = 'UPDATE_PROFILE'
)
SELECT field_name, count(*) AS total_updates, count(DISTINCT user_id) AS unique_users_updating FROM changes GROUP BY ALL;

CREATE VIEW profile_avatar_changes AS
SELECT user_id, count(*) AS avatar_changes_count, min(timestamp) AS first_change, max(timestamp) AS last_change
FROM profile WHERE event_type IN ('CHANGE_AVATAR', 'PROFILE_PICTURE_UPDATED') GROUP BY ALL;

CREATE VIEW profile_daily_activity AS
SELECT timestamp::DATE AS date, event_type, count(DISTINCT user_id) AS unique_users, count(*) AS event_count
FROM profile GROUP BY ALL;

CREATE VIEW notification_delivery_stats AS
SELECT notification_type, count(*) AS total_sent, count(DISTINCT user_id) AS unique_recipients
FROM notification WHERE event_type = 'NOTIFICATION_SENT' GROUP BY ALL;

CREATE VIEW notification_engagement AS
SELECT user_id, notification_type, count(*) AS notifications_clicked
FROM notification WHERE event_type = 'NOTIFICATION_CLICKED' GROUP BY ALL;

CREATE VIEW notification_click_through_rate AS
SELECT notification_type, count(*) FILTER (event_type = 'NOTIFICATION_SENT') AS total_sent,
  count(*) FILTER (event_type = 'NOTIFICATION_CLICKED') AS total_clicked, 100.0 * total_clicked / nullif(total_sent, 0) AS click_through_rate
FROM notification WHERE event_type IN ('NOTIFICATION_SENT', 'NOTIFICATION_CLICKED') GROUP BY ALL;

CREATE VIEW notification_user_preferences AS
SELECT user_id, notification_type, count(*) FILTER (event_type = 'NOTIFICATION_SENT') AS notifications_received,
  count(*) FILTER (event_type = 'NOTIFICATION_CLICKED') AS notifications_clicked,
  100.0 * notifications_clicked / nullif(notifications_received, 0) AS engagement_rate
FROM notification WHERE event_type IN ('NOTIFICATION_SENT', 'NOTIFICATION_CLICKED') GROUP BY ALL;

CREATE VIEW notification_daily_activity AS
SELECT timestamp::DATE AS date, event_type, notification_type, count(DISTINCT user_id) AS unique_users, count(*) AS event_count
FROM notification GROUP BY ALL;

CREATE VIEW notification_user_summary AS
SELECT user_id, count(*) FILTER (event_type = 'NOTIFICATION_SENT') AS total_received,
  count(*) FILTER (event_type = 'NOTIFICATION_CLICKED') AS total_clicked,
  100.0 * total_clicked / nullif(total_received, 0) AS overall_engagement_rate
FROM notification GROUP BY ALL;

CREATE VIEW forum_daily_activity AS
SELECT timestamp::DATE AS date, course_id, event_type, count(DISTINCT user_id) AS unique_users, count(*) AS event_count
FROM forum GROUP BY ALL;
