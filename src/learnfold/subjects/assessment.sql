-- Assignments viewed, handed in and graded, and quizzes taken.
-- order: 2

-- Work on assignments and quizzes, by students and by the teachers who grade it.
CREATE TABLE assessment_topic (
  course_id       VARCHAR,                               -- the course; NULL when not said (names no person)
  assignment_id   VARCHAR,                               -- the assignment; NULL for a quiz (names no person)
  assignment_type VARCHAR,                               -- such as essay or project; NULL when not said (names no person)
  file_url        VARCHAR,                               -- the file handed in; NULL without one
  quiz_id         VARCHAR,                               -- the quiz; NULL for an assignment (names no person)
  correct_answers INTEGER CHECK (correct_answers >= 0),  -- right answers in a quiz; NULL when not said
  student_id      VARCHAR,                               -- whose work a teacher viewed or graded; NULL when not said (whose event it is)
  score           DOUBLE CHECK (score BETWEEN 0 AND 1e15),  -- points given; NULL when not said
  feedback        VARCHAR,                               -- the teacher's words; NULL without any
  new_due_date    VARCHAR,                               -- the deadline after a reopening, as sent; NULL when not said (names no person)
  max_score       DOUBLE CHECK (max_score > 0),          -- points possible: 100 where score is a percentage; NULL when not said
  question_count  INTEGER CHECK (question_count > 0),    -- questions of the quiz; NULL when not said
  question_id     VARCHAR,                               -- the question within a quiz; NULL for a quiz as a whole (names no person)
  due_date        TIMESTAMP,                             -- when the assignment is due, UTC; NULL when not said
);

-- What a student did on an assignment: first sight and handing in.
CREATE TABLE assignment_work AS
SELECT
  date,
  user_id,
  course_id,
  assignment_id,
  assignment_type,
  min(timestamp) FILTER (event_type = 'VIEW_ASSIGNMENT_FIRST_TIME') AS first_view,        -- the earliest view, UTC; NULL without one
  count(*) FILTER (event_type = 'SUBMIT_ASSIGNMENT')                AS submissions,       -- submissions, resubmissions too
  min(timestamp) FILTER (event_type = 'SUBMIT_ASSIGNMENT')          AS first_submission,  -- the earliest submission, UTC; NULL without one
  max(timestamp) FILTER (event_type = 'SUBMIT_ASSIGNMENT')          AS last_submission    -- the latest submission, UTC; NULL without one
FROM assessment_topic
WHERE event_type IN ('VIEW_ASSIGNMENT_FIRST_TIME', 'SUBMIT_ASSIGNMENT')
GROUP BY ALL;

-- Quizzes a student completed.
CREATE TABLE quiz_results AS
SELECT
  date,
  user_id,
  course_id,
  count(*)               AS quizzes,         -- quizzes completed
  count(correct_answers) AS marked_quizzes,  -- of them, those that say how many answers were right
  sum(correct_answers)   AS correct_answers, -- right answers together; NULL when none says
  min(correct_answers)   AS fewest_correct,  -- right answers in the worst quiz; NULL when none says
  max(correct_answers)   AS most_correct     -- right answers in the best quiz; NULL when none says
FROM assessment_topic
WHERE event_type = 'QUIZ_COMPLETED'
GROUP BY ALL;

-- What a teacher viewed and graded of a student's work.
CREATE TABLE grading AS
SELECT
  date,
  user_id,
  student_id,
  course_id,
  count(*) FILTER (event_type = 'VIEW_STUDENT_WORK')     AS works_viewed,  -- works looked at
  count(*) FILTER (event_type = 'GRADE_ASSIGNMENT')      AS graded,        -- grades given
  count(score) FILTER (event_type = 'GRADE_ASSIGNMENT')  AS scored,        -- of them, those with a score
  sum(CAST(score AS DECIMAL(28, 10))) FILTER (event_type = 'GRADE_ASSIGNMENT') AS score_points,  -- points together, exact in any order; NULL without a score
  min(score) FILTER (event_type = 'GRADE_ASSIGNMENT')    AS lowest_score,  -- points, the fewest; NULL without a score
  max(score) FILTER (event_type = 'GRADE_ASSIGNMENT')    AS highest_score  -- points, the most; NULL without a score
FROM assessment_topic
WHERE event_type IN ('VIEW_STUDENT_WORK', 'GRADE_ASSIGNMENT')
GROUP BY ALL;

-- What each student handed in.
-- check: total_assignments_submitted <= total_submissions
CREATE VIEW assessment_student_submissions AS
SELECT
  user_id,
  course_id,
  count(DISTINCT assignment_id) AS total_assignments_submitted,  -- different assignments
  sum(submissions)              AS total_submissions,            -- submissions, resubmissions too
  min(first_submission)         AS first_submission,             -- the earliest, UTC
  max(last_submission)          AS last_submission               -- the latest, UTC
FROM assignment_work
WHERE submissions > 0
GROUP BY ALL;

-- How long students take from first seeing an assignment to handing it in. Counted are a user's assignments with both, from the
-- earliest view to the earliest submission, under the course of the earliest view; one handed in before it was viewed isn't.
-- check: min_hours_to_submit <= max_hours_to_submit
CREATE VIEW assessment_engagement_timeline AS
SELECT
  user_id,
  course_id,
  count(*)                           AS assignments_completed,  -- assignments viewed and then handed in
  sum(microseconds) / count(*) / 3600e6 AS avg_hours_to_submit, -- hours, the mean
  min(microseconds) / 3600e6         AS min_hours_to_submit,    -- hours, the quickest
  max(microseconds) / 3600e6         AS max_hours_to_submit     -- hours, the slowest
FROM (
  SELECT
    user_id,
    assignment_id,
    course_id,
    date_diff(
      'microsecond',
      first_view,
      min(first_submission) OVER (PARTITION BY user_id, assignment_id)
    ) AS microseconds,
    row_number() OVER (PARTITION BY user_id, assignment_id ORDER BY first_view NULLS LAST, course_id NULLS FIRST) AS place
  FROM (
    SELECT
      user_id,
      assignment_id,
      course_id,
      min(first_view)       AS first_view,
      min(first_submission) AS first_submission
    FROM assignment_work
    WHERE assignment_id IS NOT NULL
    GROUP BY ALL
  ) AS seen
) AS pairs
WHERE place = 1 AND microseconds >= 0
GROUP BY ALL;

-- How each student does in quizzes.
-- check: min_correct_answers <= max_correct_answers
CREATE VIEW assessment_quiz_performance AS
SELECT
  user_id,
  course_id,
  sum(quizzes)                                        AS total_quizzes_completed,  -- quizzes completed
  sum(correct_answers) / nullif(sum(marked_quizzes), 0) AS avg_correct_answers,    -- right answers a quiz; NULL when none says
  sum(correct_answers)                                AS total_correct_answers,    -- right answers together; NULL when none says
  CAST(min(fewest_correct) AS BIGINT)                 AS min_correct_answers,      -- right answers in the worst quiz; NULL when none says
  CAST(max(most_correct) AS BIGINT)                   AS max_correct_answers       -- right answers in the best quiz; NULL when none says
FROM quiz_results
GROUP BY ALL;

-- What grades each student got.
-- check: min_assignment_score <= max_assignment_score
CREATE VIEW assessment_grading_stats AS
SELECT
  student_id,                                                                        -- whose work was graded; NULL when the grade doesn't say
  course_id,
  sum(graded)                                                 AS total_assignments_graded,  -- grades, regradings too
  CAST(sum(score_points) AS DOUBLE) / nullif(sum(scored), 0)  AS avg_assignment_score,      -- points, the mean; NULL without a score
  min(lowest_score)                                           AS min_assignment_score,      -- points, the fewest; NULL without a score
  max(highest_score)                                          AS max_assignment_score,      -- points, the most; NULL without a score
  CAST(sum(score_points) AS DOUBLE)                           AS total_assignment_score     -- points together; NULL without a score
FROM grading
WHERE graded > 0
GROUP BY ALL;

-- How much grading each teacher does. Who views or grades the own work is no teacher: so sources tell of a quiz that marked itself.
CREATE VIEW assessment_teacher_workload AS
SELECT
  user_id,                                                                                  -- the teacher
  course_id,
  sum(works_viewed)                                           AS total_works_viewed,        -- works looked at
  sum(graded)                                                 AS total_assignments_graded,  -- grades given, regradings too
  CAST(sum(score_points) AS DOUBLE) / nullif(sum(scored), 0)  AS avg_score_given            -- points, the mean; NULL without a score
FROM grading
WHERE user_id IS DISTINCT FROM student_id
GROUP BY ALL;

-- When work is handed in, by day and kind of assignment.
-- check: unique_students <= submissions_count
CREATE VIEW assessment_submission_distribution AS
SELECT
  date,
  course_id,
  assignment_type,
  sum(submissions)        AS submissions_count,  -- submissions that day, resubmissions too
  count(DISTINCT user_id) AS unique_students     -- students who handed something in that day
FROM assignment_work
WHERE submissions > 0
GROUP BY ALL;

-- Each student's quizzes and grades side by side.
CREATE VIEW assessment_student_overall_performance AS
SELECT
  user_id,                                                                           -- the student; NULL for grades that don't say whose
  course_id,
  coalesce(sum(quizzes), 0)                                   AS quizzes_completed,     -- quizzes completed
  sum(correct_answers) / nullif(sum(marked_quizzes), 0)       AS avg_quiz_correct,      -- right answers a quiz; NULL when none says
  coalesce(sum(graded), 0)                                    AS assignments_graded,    -- grades got, regradings too
  CAST(sum(score_points) AS DOUBLE) / nullif(sum(scored), 0)  AS avg_assignment_score   -- points, the mean; NULL without a score
FROM (
  SELECT user_id, course_id, quizzes, marked_quizzes, correct_answers, NULL AS graded, NULL AS scored, NULL AS score_points
  FROM quiz_results
  UNION ALL
  SELECT student_id, course_id, NULL, NULL, NULL, graded, scored, score_points
  FROM grading
  WHERE graded > 0
) AS results
GROUP BY ALL;
