-- What teachers ask: who needs a look and why, where a class stands, what changes from week to week. Made of the other subjects.
-- order: 9

-- What each student (whoever isn't a teacher) does in each course, week by week: events of the course, viewings, quizzes and
-- submissions. A visit to a video past the week's end counts in each week by what it grew.
-- key: user_id, course_id, week
-- looks back: 0 days, all of video_student_visits
-- check: active_days BETWEEN 1 AND 7
CREATE VIEW student_week_activity AS
SELECT
  weeks.user_id,
  weeks.course_id,
  weeks.week,                 -- its Monday, in the reporting zone
  weeks.active_days,          -- days with an event
  weeks.events,               -- events
  CAST(coalesce(weeks.watch_seconds, 0) + coalesce(visits.watch_seconds, 0) AS DOUBLE) / 60e0 AS watch_minutes,  -- minutes watched; 0 when no viewing is timed, never NULL
  weeks.quizzes,              -- quizzes completed
  weeks.submissions,          -- submissions, resubmissions too
  weeks.material_accesses,    -- material opened
  weeks.viewings,             -- viewings of videos
  weeks.last_active           -- the last day with an event, in the reporting zone
FROM (
  SELECT
    user_id,
    course_id,
    CAST(date_trunc('week', date) AS DATE) AS week,
    count(DISTINCT date)                   AS active_days,
    sum(events)                            AS events,
    sum(watch_seconds)                     AS watch_seconds,
    coalesce(sum(quizzes), 0)              AS quizzes,
    coalesce(sum(submissions), 0)          AS submissions,
    coalesce(sum(accesses), 0)             AS material_accesses,
    coalesce(sum(viewings), 0)             AS viewings,
    max(date)                              AS last_active
  FROM (
    SELECT date, user_id, course_id, events, accesses, NULL AS viewings, NULL AS watch_seconds, NULL AS quizzes, NULL AS submissions
    FROM course_activity
    UNION ALL
    SELECT date, user_id, course_id, viewings, NULL, viewings, watch_seconds, NULL, NULL
    FROM video_activity
    UNION ALL
    SELECT date, user_id, course_id, events, NULL, NULL, NULL, quizzes, submissions
    FROM assessment_activity
  ) AS done
  GROUP BY ALL
) AS weeks
LEFT JOIN (
  SELECT user_id, course_id, week, sum(greatest(0, told - before)) AS watch_seconds
  FROM (
    SELECT
      user_id,
      course_id,
      week,
      told,
      coalesce(max(told) OVER (
        PARTITION BY user_id, course_id, video_id, session_id ORDER BY week ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ), 0) AS before
    FROM (
      SELECT user_id, course_id, video_id, session_id, CAST(date_trunc('week', date) AS DATE) AS week, max(played_seconds) AS told
      FROM video_student_visits
      GROUP BY ALL
    ) AS totals
  ) AS grown
  GROUP BY ALL
) AS visits
  ON weeks.user_id = visits.user_id AND weeks.course_id IS NOT DISTINCT FROM visits.course_id AND weeks.week = visits.week;

-- What a course's students do week by week.
CREATE VIEW course_week_engagement AS
SELECT
  course_id,
  week,                                                    -- its Monday, in the reporting zone
  count(*)                               AS active_students,  -- students with an event
  count(*) FILTER (viewings > 0)         AS watchers,         -- students who watched a video
  count(*) FILTER (material_accesses > 0) AS readers,         -- students who opened material
  count(*) FILTER (quizzes > 0)          AS quiz_takers,      -- students who completed a quiz
  count(*) FILTER (submissions > 0)      AS submitters,       -- students who handed in
  CAST(sum(CAST(watch_minutes * 60 AS DECIMAL(28, 3))) AS DOUBLE) / 3600e0 AS watch_hours,  -- hours watched; 0 when no viewing is timed, never NULL
  CAST(sum(submissions) AS BIGINT)       AS submissions,      -- submissions, resubmissions too
  CAST(sum(quizzes) AS BIGINT)           AS quizzes,          -- quizzes completed
  sum(active_days) / count(*)            AS mean_active_days  -- days with an event, the mean of the active students; never NULL
FROM student_week_activity
GROUP BY ALL;

-- Whether each student is in a course: whether the latest of enrolling and leaving is an enrolment.
-- check: first_enrolled <= last_enrolled
CREATE VIEW course_enrollment_status AS
SELECT
  user_id,
  course_id,
  min(first_enrolled) AS first_enrolled,  -- the earliest enrolment, UTC; NULL without one
  max(last_enrolled)  AS last_enrolled,   -- the latest enrolment, UTC; NULL without one
  max(last_dropped)   AS last_dropped,    -- the latest leaving, UTC; NULL without one
  CASE WHEN max(last_enrolled) IS NULL OR max(last_dropped) > max(last_enrolled) THEN 0 ELSE 1 END AS is_enrolled  -- 1: enrolled (also when both are at the same instant), 0: not
FROM enrollments
GROUP BY ALL;

-- Where each student of a course stands among those who are enrolled. Everyone has a row who enrolled, left or did anything there;
-- percentiles are of those enrolled now that have a value; what is the same to 8 decimals is the same.
-- key: user_id, course_id
-- check: events_percentile BETWEEN 0 AND 100
CREATE VIEW student_standing AS
SELECT
  user_id,
  course_id,
  events,             -- events, as in student_week_activity
  watch_minutes,      -- minutes watched; 0 when no viewing is timed, never NULL
  quiz_percentage,    -- percent right in quizzes, the mean of those that say how many questions there were; NULL without any
  score_percentage,   -- percent of the points possible, the mean of grades that say both; NULL without any
  CASE WHEN is_enrolled = 1
    THEN 1e2 * (rank() OVER (PARTITION BY course_id, is_enrolled ORDER BY events) - 1)
      / nullif(count(*) OVER (PARTITION BY course_id, is_enrolled) - 1, 0)
  END AS events_percentile,  -- percent of the other students with fewer events; NULL for who isn't enrolled or is alone
  CASE WHEN is_enrolled = 1
    THEN 1e2 * (rank() OVER (PARTITION BY course_id, is_enrolled ORDER BY watch_minutes) - 1)
      / nullif(count(*) OVER (PARTITION BY course_id, is_enrolled) - 1, 0)
  END AS watch_percentile,   -- percent of the other students who watched less; NULL for who isn't enrolled or is alone
  CASE WHEN is_enrolled = 1 AND quiz_percentage IS NOT NULL
    THEN 1e2 * (rank() OVER (PARTITION BY course_id, is_enrolled ORDER BY round(quiz_percentage, 8) NULLS LAST) - 1)
      / nullif(count(quiz_percentage) OVER (PARTITION BY course_id, is_enrolled) - 1, 0)
  END AS quiz_percentile,    -- percent of the others with a quiz_percentage whose one is lower; NULL without a value, for who isn't enrolled or is alone
  CASE WHEN is_enrolled = 1 AND score_percentage IS NOT NULL
    THEN 1e2 * (rank() OVER (PARTITION BY course_id, is_enrolled ORDER BY round(score_percentage, 8) NULLS LAST) - 1)
      / nullif(count(score_percentage) OVER (PARTITION BY course_id, is_enrolled) - 1, 0)
  END AS score_percentile,   -- percent of the others with a score_percentage whose one is lower; NULL without a value, for who isn't enrolled or is alone
  is_enrolled                -- 1: enrolled now, 0: not
FROM (
  SELECT
    people.user_id,
    people.course_id,
    people.events,
    people.is_enrolled,
    CAST(people.watch_seconds AS DOUBLE) / 60e0 AS watch_minutes,
    quizzes.avg_correct_percentage              AS quiz_percentage,
    grades.avg_score_percentage                 AS score_percentage
  FROM (
    SELECT
      user_id,
      course_id,
      CAST(coalesce(sum(events), 0) AS BIGINT) AS events,
      coalesce(sum(watch_seconds), 0)          AS watch_seconds,
      coalesce(max(is_enrolled), 0)            AS is_enrolled
    FROM (
      SELECT user_id, course_id, events, CAST(watch_minutes * 60 AS DECIMAL(28, 3)) AS watch_seconds, NULL AS is_enrolled
      FROM student_week_activity
      UNION ALL
      SELECT user_id, course_id, NULL, NULL, is_enrolled
      FROM course_enrollment_status
    ) AS known
    GROUP BY ALL
  ) AS people
  LEFT JOIN assessment_quiz_performance AS quizzes
    ON people.user_id = quizzes.user_id AND people.course_id IS NOT DISTINCT FROM quizzes.course_id
  LEFT JOIN assessment_grading_stats AS grades
    ON people.user_id = grades.student_id AND people.course_id IS NOT DISTINCT FROM grades.course_id
) AS standing;

-- Enrolled students who may need a look, and why. Today is the newest day of the data that isn't ahead of the clock by more than
-- future_days; what is said to happen later isn't believed. Each signal is 1 where its threshold (a setting) is passed, 0 where not, and
-- NULL where it can't be told. An assignment is due when the day of its due date is over; where none is said, when 90 % of at least
-- due_submitters people handed it in more than due_days ago.
-- key: user_id, course_id
-- check: signals BETWEEN 0 AND 5
CREATE VIEW student_at_risk AS
WITH newest AS (
  SELECT max(date) AS today
  FROM (
    SELECT date FROM auth_daily_active_users
    UNION ALL
    SELECT date FROM video_daily_engagement
    UNION ALL
    SELECT date FROM course_daily_engagement
    UNION ALL
    SELECT date FROM assessment_submission_distribution
    UNION ALL
    SELECT date FROM profile_daily_activity
    UNION ALL
    SELECT date FROM notification_daily_activity
    UNION ALL
    SELECT date FROM forum_daily_activity
    UNION ALL
    SELECT last_active FROM student_week_activity
  ) AS days
  WHERE date <= plausible_until()
), due AS (
  SELECT summary.course_id, summary.assignment_id
  FROM assessment_assignment_summary AS summary
  CROSS JOIN newest
  WHERE CASE WHEN summary.due_at IS NOT NULL THEN CAST(summary.due_at AS DATE) < newest.today
    ELSE summary.submitters >= setting('due_submitters')
      AND date_diff('day', CAST(summary.most_by AS DATE), newest.today) > setting('due_days') END
)
SELECT
  user_id,
  course_id,
  last_active,             -- the last day with an event, in the reporting zone; NULL without one
  days_away,               -- days from then to today; NULL without one
  events_this_week,        -- events in the week of today, from its Monday on
  events_before,           -- events a week, the mean of the three weeks before; never NULL
  assignments_due,         -- the course's assignments that are due
  assignments_handed_in,   -- of them, those that the student handed in
  score_percentage,        -- percent of the points possible, the mean of grades that say both; NULL without any
  events_percentile,       -- percent of the other students with fewer events; NULL for who is alone
  watch_percentile,        -- percent of the other students who watched less; NULL for who is alone
  quiz_percentile,         -- percent of the others whose quiz_percentage is lower; NULL without a value or for who is alone
  score_percentile,        -- percent of the others whose score_percentage is lower; NULL without a value or for who is alone
  absent,                  -- 1: nothing done for absent_days or longer; NULL when no event is known
  fading,                  -- 1: this week's events are below fading_percentage of events_before, and those were fading_events or more
  missing_work,            -- 1: missing_assignments or more are due and not handed in
  low_grade,               -- 1: score_percentage is below low_score_percentage; NULL without one
  few_videos,              -- 1: watch_percentile is few_videos_percentile or lower; NULL for who is alone, or when nobody in the course watched for any time
  CAST(coalesce(absent, 0) + fading + missing_work + coalesce(low_grade, 0) + coalesce(few_videos, 0) AS BIGINT) AS signals  -- signals that are 1
FROM (
  SELECT
    students.user_id,
    students.course_id,
    students.last_active,
    date_diff('day', students.last_active, students.today) AS days_away,
    students.events_this_week,
    students.events_before,
    coalesce(due.assignments, 0)      AS assignments_due,
    coalesce(handed.assignments, 0)   AS assignments_handed_in,
    students.score_percentage,
    students.events_percentile,
    students.watch_percentile,
    students.quiz_percentile,
    students.score_percentile,
    CASE WHEN students.last_active IS NULL THEN NULL
      WHEN date_diff('day', students.last_active, students.today) >= setting('absent_days') THEN 1 ELSE 0 END AS absent,
    CASE WHEN students.events_before >= setting('fading_events')
      AND 1e2 * students.events_this_week < setting('fading_percentage') * students.events_before THEN 1 ELSE 0 END AS fading,
    CASE WHEN coalesce(due.assignments, 0) - coalesce(handed.assignments, 0) >= setting('missing_assignments') THEN 1 ELSE 0 END AS missing_work,
    CASE WHEN students.score_percentage IS NULL THEN NULL
      WHEN students.score_percentage < setting('low_score_percentage') THEN 1 ELSE 0 END AS low_grade,
    CASE WHEN students.watch_percentile IS NULL OR students.most_watched = 0 THEN NULL
      WHEN students.watch_percentile <= setting('few_videos_percentile') THEN 1 ELSE 0 END AS few_videos
  FROM (
    SELECT
      standing.user_id,
      standing.course_id,
      standing.score_percentage,
      standing.events_percentile,
      standing.watch_percentile,
      standing.quiz_percentile,
      standing.score_percentile,
      max(standing.watch_minutes) OVER (PARTITION BY standing.course_id) AS most_watched,
      newest.today,
      CASE WHEN weeks.last_active > newest.today THEN newest.today ELSE weeks.last_active END AS last_active,
      coalesce(weeks.events_this_week, 0)       AS events_this_week,
      coalesce(weeks.events_before, 0) / 3e0    AS events_before
    FROM student_standing AS standing
    CROSS JOIN newest
    LEFT JOIN (
      SELECT
        done.user_id,
        done.course_id,
        max(done.last_active) AS last_active,
        CAST(coalesce(sum(CASE WHEN done.weeks_ago = 0 THEN done.events END), 0) AS BIGINT)             AS events_this_week,
        CAST(coalesce(sum(CASE WHEN done.weeks_ago BETWEEN 1 AND 3 THEN done.events END), 0) AS BIGINT) AS events_before
      FROM (
        SELECT
          activity.user_id,
          activity.course_id,
          activity.last_active,
          activity.events,
          date_diff('day', activity.week, CAST(date_trunc('week', newest.today) AS DATE)) / 7 AS weeks_ago
        FROM student_week_activity AS activity
        CROSS JOIN newest
        WHERE activity.week <= newest.today
      ) AS done
      GROUP BY ALL
    ) AS weeks ON standing.user_id = weeks.user_id AND standing.course_id IS NOT DISTINCT FROM weeks.course_id
    WHERE standing.is_enrolled = 1
  ) AS students
  LEFT JOIN (
    SELECT course_id, count(*) AS assignments
    FROM due
    GROUP BY ALL
  ) AS due ON students.course_id IS NOT DISTINCT FROM due.course_id
  LEFT JOIN (
    SELECT works.user_id, works.course_id, count(*) AS assignments
    FROM due
    JOIN (
      SELECT user_id, course_id, assignment_id, sum(submissions) AS submissions
      FROM assignment_work
      WHERE submissions > 0
      GROUP BY ALL
    ) AS works ON due.course_id IS NOT DISTINCT FROM works.course_id AND due.assignment_id = works.assignment_id
    GROUP BY ALL
  ) AS handed ON students.user_id = handed.user_id AND students.course_id IS NOT DISTINCT FROM handed.course_id
) AS told;

-- How many students of each course may need a look.
-- check: flagged <= students
CREATE VIEW course_risk_summary AS
SELECT
  course_id,
  count(*)                                                AS students,      -- students enrolled now
  count(*) FILTER (signals >= setting('flagged_signals')) AS flagged,       -- of them, those with flagged_signals signals or more
  count(*) FILTER (absent = 1)                            AS absent,        -- of them, those with this signal
  count(*) FILTER (fading = 1)                            AS fading,        -- of them, those with this signal
  count(*) FILTER (missing_work = 1)                      AS missing_work,  -- of them, those with this signal
  count(*) FILTER (low_grade = 1)                         AS low_grade,     -- of them, those with this signal
  count(*) FILTER (few_videos = 1)                        AS few_videos     -- of them, those with this signal
FROM student_at_risk
GROUP BY ALL;

-- When in the week students are in a course.
-- looks back: days of its weekday
-- check: weekday BETWEEN 1 AND 7
-- check: unique_students <= events
CREATE VIEW course_activity_hours AS
SELECT
  course_id,
  CAST(date_diff('day', CAST(date_trunc('week', date) AS DATE), date) + 1 AS INTEGER) AS weekday,  -- 1 (Monday) to 7, in the reporting zone
  hour,
  sum(events)             AS events,           -- events, as in student_week_activity
  count(DISTINCT user_id) AS unique_students   -- students with an event then
FROM (
  SELECT date, hour, user_id, course_id, events FROM course_activity
  UNION ALL
  SELECT date, hour, user_id, course_id, viewings FROM video_activity
  UNION ALL
  SELECT date, hour, user_id, course_id, events FROM assessment_activity
) AS done
GROUP BY ALL;

-- Of those who began a course in the same week, how many still do something weeks later.
-- key: course_id, cohort, weeks_later
-- check: active_students <= cohort_size
CREATE VIEW course_retention_cohorts AS
SELECT
  course_id,
  cohort,           -- the Monday of the week of their first event
  CAST(date_diff('day', cohort, week) / 7 AS INTEGER) AS weeks_later,  -- weeks since; only those in which someone did something
  min(cohort_size)  AS cohort_size,      -- students who began then
  count(*)                    AS active_students,       -- of them, those with an event in that week
  1e2 * count(*) / min(cohort_size) AS retention_percentage  -- percent of them; never NULL
FROM (
  SELECT
    began.course_id,
    began.week,
    began.cohort,
    count(CASE WHEN began.week = began.cohort THEN 1 END) OVER (PARTITION BY began.course_id, began.cohort) AS cohort_size
  FROM (
    SELECT course_id, week, min(week) OVER (PARTITION BY user_id, course_id) AS cohort
    FROM student_week_activity
  ) AS began
) AS followed
GROUP BY ALL;

-- How far the students of a course got: each step counts those who did it and all before.
-- check: opened_material <= enrolled
-- check: graded <= handed_in
CREATE VIEW course_funnel AS
SELECT
  course_id,
  count(*)                                                      AS enrolled,         -- students who enrolled, left or not
  count(*) FILTER (accesses > 0)                                AS opened_material,  -- of them, those who opened material
  count(*) FILTER (accesses > 0 AND viewings > 0)               AS watched_video,    -- of them, those who watched a video
  count(*) FILTER (accesses > 0 AND viewings > 0 AND quizzes > 0) AS took_quiz,      -- of them, those who completed a quiz
  count(*) FILTER (accesses > 0 AND viewings > 0 AND quizzes > 0 AND submissions > 0) AS handed_in,  -- of them, those who handed in
  count(*) FILTER (accesses > 0 AND viewings > 0 AND quizzes > 0 AND submissions > 0 AND grades > 0) AS graded  -- of them, those who got a grade
FROM (
  SELECT
    user_id,
    course_id,
    max(enrolled)    AS enrolled,
    sum(accesses)    AS accesses,
    sum(viewings)    AS viewings,
    sum(quizzes)     AS quizzes,
    sum(submissions) AS submissions,
    sum(grades)      AS grades
  FROM (
    SELECT user_id, course_id, 1 AS enrolled, NULL AS accesses, NULL AS viewings, NULL AS quizzes, NULL AS submissions, NULL AS grades
    FROM course_enrollment_status
    WHERE first_enrolled IS NOT NULL
    UNION ALL
    SELECT user_id, course_id, NULL, material_accesses, viewings, quizzes, submissions, NULL
    FROM student_week_activity
    UNION ALL
    SELECT student_id, course_id, NULL, NULL, NULL, NULL, NULL, total_assignments_graded
    FROM assessment_grading_stats
  ) AS done
  GROUP BY ALL
) AS people
WHERE enrolled = 1
GROUP BY ALL;

-- How often a course's students come back: those active on a day, in the week and in the 30 days up to it.
-- key: course_id, date
-- looks back: 29 days
-- check: daily <= weekly
-- check: weekly <= monthly
CREATE VIEW course_stickiness AS
WITH active_days AS (
  SELECT course_id, date, lead(date) OVER (PARTITION BY course_id, user_id ORDER BY date) AS following
  FROM (
    SELECT DISTINCT course_id, user_id, date
    FROM (
      SELECT date, hour, user_id, course_id FROM course_activity
      UNION ALL
      SELECT date, hour, user_id, course_id FROM video_activity
      UNION ALL
      SELECT date, hour, user_id, course_id FROM assessment_activity
    ) AS done
  ) AS days
)
SELECT
  course_id,
  date,            -- a day with an event, in the reporting zone
  daily,           -- students with an event that day
  weekly,          -- students with an event in the 7 days up to it
  monthly,         -- students with an event in the 30 days up to it
  1e2 * daily / monthly AS stickiness_percentage  -- percent of the monthly who are there that day; never NULL
FROM (
  SELECT
    course_id,
    date,
    daily,
    CAST(sum(weekly) OVER (PARTITION BY course_id ORDER BY date)  AS BIGINT) AS weekly,
    CAST(sum(monthly) OVER (PARTITION BY course_id ORDER BY date) AS BIGINT) AS monthly
  FROM (
    -- a student counts from a day on, until the 7th or 30th after it or the next one, whichever is first
    SELECT course_id, date, CAST(sum(daily) AS BIGINT) AS daily, sum(weekly) AS weekly, sum(monthly) AS monthly
    FROM (
      SELECT course_id, date, 1 AS daily, 1 AS weekly, 1 AS monthly
      FROM active_days
      UNION ALL
      SELECT course_id, CASE WHEN following < date + 7 THEN following ELSE date + 7 END, 0, -1, 0
      FROM active_days
      UNION ALL
      SELECT course_id, CASE WHEN following < date + 30 THEN following ELSE date + 30 END, 0, 0, -1
      FROM active_days
    ) AS changes
    GROUP BY ALL
  ) AS changed
) AS running
WHERE daily > 0;

-- How many students join and leave each course, week by week.
CREATE VIEW course_drops AS
SELECT
  course_id,
  CAST(date_trunc('week', date) AS DATE) AS week,  -- its Monday, in the reporting zone
  count(DISTINCT user_id) FILTER (last_enrolled IS NOT NULL) AS enrolled,  -- students who enrolled
  count(DISTINCT user_id) FILTER (last_dropped IS NOT NULL)  AS dropped    -- students who left
FROM enrollments
GROUP BY ALL;

-- A course in a line, to be compared with others.
-- key: course_id
-- check: flagged_percentage BETWEEN 0 AND 100
CREATE VIEW course_comparison AS
SELECT
  courses.course_id,
  coalesce(risk.students, 0) AS students,          -- students enrolled now
  weeks.mean_weekly_active,                        -- students with an event, the mean of the weeks in which there are any; NULL without any
  weeks.watch_hours / nullif(risk.students, 0) AS watch_hours_per_student,  -- hours watched by everyone, for each student enrolled now; NULL without any of them, or without an event
  weeks.submissions / nullif(risk.students, 0) AS submissions_per_student,  -- submissions by everyone, for each student enrolled now; NULL without any of them, or without an event
  grades.median_hours_to_grade,                    -- hours from first handing in to first grade, the median of all works; NULL when none is graded
  1e2 * risk.flagged / nullif(risk.students, 0) AS flagged_percentage,      -- percent of the students enrolled now who are flagged; NULL without any
  scores.score_percentage                          -- percent of the points possible, the mean of grades that say both; NULL without any
FROM (
  SELECT course_id, count(*) AS rows
  FROM (
    SELECT course_id FROM course_week_engagement
    UNION ALL
    SELECT course_id FROM course_risk_summary
  ) AS seen
  GROUP BY ALL
) AS courses
LEFT JOIN (
  SELECT
    course_id,
    sum(active_students) / count(*) AS mean_weekly_active,
    CAST(sum(CAST(watch_hours * 3600 AS DECIMAL(28, 3))) AS DOUBLE) / 3600e0 AS watch_hours,
    sum(submissions) AS submissions
  FROM course_week_engagement
  GROUP BY ALL
) AS weeks ON courses.course_id IS NOT DISTINCT FROM weeks.course_id
LEFT JOIN course_risk_summary AS risk ON courses.course_id IS NOT DISTINCT FROM risk.course_id
LEFT JOIN (
  SELECT course_id, CAST(sum(score_percent) AS DOUBLE) / nullif(sum(shared_grades), 0) AS score_percentage
  FROM grading
  GROUP BY ALL
) AS scores ON courses.course_id IS NOT DISTINCT FROM scores.course_id
LEFT JOIN (
  SELECT works.course_id, CAST(median(date_diff('microsecond', works.handed, graded.graded)) AS DOUBLE) / 3600e6 AS median_hours_to_grade
  FROM (
    SELECT user_id, course_id, assignment_id, min(first_submission) AS handed
    FROM assignment_work
    WHERE assignment_id IS NOT NULL AND submissions > 0
    GROUP BY ALL
  ) AS works
  JOIN (
    SELECT student_id, course_id, assignment_id, min(first_graded) AS graded
    FROM grading
    WHERE assignment_id IS NOT NULL AND graded > 0
    GROUP BY ALL
  ) AS graded
    ON works.user_id = graded.student_id
    AND works.course_id IS NOT DISTINCT FROM graded.course_id
    AND works.assignment_id = graded.assignment_id
  WHERE graded.graded >= works.handed
  GROUP BY ALL
) AS grades ON courses.course_id IS NOT DISTINCT FROM grades.course_id;

-- How much of a class each material reaches.
-- key: course_id, material_id
CREATE VIEW course_material_reach AS
SELECT
  materials.course_id,
  materials.material_id,
  materials.material_type,                 -- such as pdf or slides, the smallest that was said; NULL when not said
  materials.unique_readers,                -- people who opened it
  coalesce(classes.enrolled, 0) AS enrolled,  -- students of the course who enrolled, left or not
  1e2 * materials.unique_readers / classes.enrolled AS reach_percentage,  -- percent that the readers are of the enrolled, above 100 where others read too; NULL when none enrolled
  materials.accesses                       -- accesses
FROM (
  SELECT
    course_id,
    material_id,
    min(material_type)      AS material_type,
    count(DISTINCT user_id) AS unique_readers,
    sum(accesses)           AS accesses
  FROM material_accesses
  GROUP BY ALL
) AS materials
LEFT JOIN (
  SELECT course_id, count(DISTINCT user_id) AS enrolled
  FROM enrollments
  WHERE last_enrolled IS NOT NULL
  GROUP BY ALL
) AS classes ON materials.course_id IS NOT DISTINCT FROM classes.course_id;

-- What each teacher looks at and grades, week by week. Who views or grades the own work is no teacher.
CREATE VIEW teacher_week AS
SELECT
  user_id,                                         -- the teacher
  course_id,
  CAST(date_trunc('week', date) AS DATE) AS week,  -- its Monday, in the reporting zone
  sum(works_viewed) AS works_viewed,               -- works looked at
  sum(graded)       AS graded,                     -- grades given, regradings too
  CAST(sum(score_percent) AS DOUBLE) / nullif(sum(shared_grades), 0) AS score_percentage  -- percent of the points possible that was given, the mean of grades that say both; NULL without any
FROM grading
WHERE student_id IS DISTINCT FROM user_id
GROUP BY ALL;

-- Each course's discussions as a whole.
-- key: course_id
CREATE VIEW forum_course_metrics AS
SELECT
  forums.course_id,
  forums.unique_posters,   -- people who wrote a post or reply
  forums.unique_readers,   -- people who read a post
  forums.posts,            -- posts written
  forums.replies,          -- replies written
  1e2 * forums.unique_readers / classes.enrolled AS reader_percentage  -- percent that the readers are of the students who enrolled, left or not; above 100 where others read too; NULL when none enrolled
FROM (
  SELECT
    course_id,
    count(DISTINCT user_id) FILTER (posts > 0 OR replies > 0) AS unique_posters,
    count(DISTINCT user_id) FILTER (views > 0)                AS unique_readers,
    sum(posts)                                                AS posts,
    sum(replies)                                              AS replies
  FROM forum_threads
  GROUP BY ALL
) AS forums
LEFT JOIN (
  SELECT course_id, count(DISTINCT user_id) AS enrolled
  FROM enrollments
  WHERE last_enrolled IS NOT NULL
  GROUP BY ALL
) AS classes ON forums.course_id IS NOT DISTINCT FROM classes.course_id;
