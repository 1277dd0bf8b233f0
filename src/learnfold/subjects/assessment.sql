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
  is_correct      VARCHAR,                               -- whether the question was answered rightly: true or false; NULL when not said (names no person)
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
  max(correct_answers)   AS most_correct,    -- right answers in the best quiz; NULL when none says
  count(question_count) FILTER (correct_answers IS NOT NULL)                AS shared_quizzes,  -- quizzes that say right answers and questions
  sum(CAST(1e2 * correct_answers / question_count AS DECIMAL(28, 10)))      AS correct_percent  -- their percents of right answers together, exact in any order; NULL without any
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
  assignment_id,
  count(*) FILTER (event_type = 'VIEW_STUDENT_WORK')     AS works_viewed,  -- works looked at
  count(*) FILTER (event_type = 'GRADE_ASSIGNMENT')      AS graded,        -- grades given
  count(score) FILTER (event_type = 'GRADE_ASSIGNMENT')  AS scored,        -- of them, those with a score
  sum(CAST(score AS DECIMAL(28, 10))) FILTER (event_type = 'GRADE_ASSIGNMENT') AS score_points,  -- points together, exact in any order; NULL without a score
  min(score) FILTER (event_type = 'GRADE_ASSIGNMENT')    AS lowest_score,  -- points, the fewest; NULL without a score
  max(score) FILTER (event_type = 'GRADE_ASSIGNMENT')    AS highest_score, -- points, the most; NULL without a score
  min(timestamp) FILTER (event_type = 'GRADE_ASSIGNMENT') AS first_graded, -- the earliest grade, UTC; NULL without one
  count(max_score) FILTER (event_type = 'GRADE_ASSIGNMENT' AND score IS NOT NULL) AS shared_grades,  -- grades that say points and points possible
  sum(CAST(least(1e2 * score / max_score, 1e15) AS DECIMAL(28, 10))) FILTER (event_type = 'GRADE_ASSIGNMENT' AND score IS NOT NULL AND max_score IS NOT NULL) AS score_percent  -- their percents together, exact in any order; NULL without any
FROM assessment_topic
WHERE event_type IN ('VIEW_STUDENT_WORK', 'GRADE_ASSIGNMENT')
GROUP BY ALL;

-- When assignments are due, as any event of one says.
CREATE TABLE assignment_deadlines AS
SELECT
  date,
  course_id,
  assignment_id,
  max(due_date) AS due_at  -- the latest that was said, UTC
FROM assessment_topic
WHERE due_date IS NOT NULL AND assignment_id IS NOT NULL
GROUP BY ALL;

-- Every try of a quiz: what a first try is, only its time tells.
CREATE TABLE quiz_tries AS
SELECT
  date,
  user_id,
  course_id,
  quiz_id,
  timestamp,
  correct_answers,
  question_count,
  count(*) AS tries  -- tries
FROM assessment_topic
WHERE event_type = 'QUIZ_COMPLETED' AND quiz_id IS NOT NULL
GROUP BY ALL;

-- Answers to single questions. One is right as it says, else when it got all points possible; else it isn't known.
CREATE TABLE question_answers AS
SELECT
  date,
  user_id,
  course_id,
  quiz_id,
  question_id,
  count(*)                             AS answers,       -- answers
  count(mark)                          AS marked,        -- of them, those of which it is known whether they are right
  count(*) FILTER (mark = 1)           AS right_answers, -- of them, the right ones
  min(timestamp) FILTER (mark IS NOT NULL) AS first_marked,  -- the earliest of which it is known, UTC; NULL without one
  min(timestamp) FILTER (mark = 1)     AS first_right    -- the earliest right one, UTC; NULL without one
FROM (
  SELECT
    date,
    user_id,
    course_id,
    quiz_id,
    question_id,
    timestamp,
    CASE
      WHEN lower(is_correct) IN ('true', '1') THEN 1
      WHEN lower(is_correct) IN ('false', '0') THEN 0
      WHEN score >= max_score THEN 1
      WHEN score < max_score THEN 0
    END AS mark
  FROM assessment_topic
  WHERE event_type = 'QUESTION_ANSWERED' AND question_id IS NOT NULL
) AS answered
GROUP BY ALL;

-- When students (whoever isn't a teacher) take quizzes and hand in.
CREATE TABLE assessment_activity AS
SELECT
  date,
  hour,
  user_id,
  course_id,
  count(*)                                            AS events,      -- both
  count(*) FILTER (event_type = 'QUIZ_COMPLETED')     AS quizzes,     -- quizzes completed
  count(*) FILTER (event_type = 'SUBMIT_ASSIGNMENT')  AS submissions  -- submissions, resubmissions too
FROM assessment_topic
WHERE event_type IN ('QUIZ_COMPLETED', 'SUBMIT_ASSIGNMENT') AND role IS DISTINCT FROM 'teacher'
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
  CAST(max(most_correct) AS BIGINT)                   AS max_correct_answers,      -- right answers in the best quiz; NULL when none says
  CAST(sum(correct_percent) AS DOUBLE) / nullif(sum(shared_quizzes), 0) AS avg_correct_percentage  -- percent of the questions, the mean of quizzes that say how many there were; NULL without any
FROM quiz_results
GROUP BY ALL;

-- What grades each student got. Points of different scales make no sense together; their percentages do.
-- check: min_assignment_score <= max_assignment_score
CREATE VIEW assessment_grading_stats AS
SELECT
  student_id,                                                                        -- whose work was graded; NULL when the grade doesn't say
  course_id,
  sum(graded)                                                 AS total_assignments_graded,  -- grades, regradings too
  CAST(sum(score_points) AS DOUBLE) / nullif(sum(scored), 0)  AS avg_assignment_score,      -- points, the mean; NULL without a score
  min(lowest_score)                                           AS min_assignment_score,      -- points, the fewest; NULL without a score
  max(highest_score)                                          AS max_assignment_score,      -- points, the most; NULL without a score
  CAST(sum(score_points) AS DOUBLE)                           AS total_assignment_score,    -- points together; NULL without a score
  CAST(sum(score_percent) AS DOUBLE) / nullif(sum(shared_grades), 0) AS avg_score_percentage  -- percent of the points possible, the mean of grades that say both; NULL without any
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
  CAST(sum(score_points) AS DOUBLE) / nullif(sum(scored), 0)  AS avg_assignment_score,  -- points, the mean; NULL without a score
  CAST(sum(score_percent) AS DOUBLE) / nullif(sum(shared_grades), 0) AS avg_score_percentage  -- percent of the points possible, the mean of grades that say both; NULL without any
FROM (
  SELECT user_id, course_id, quizzes, marked_quizzes, correct_answers, NULL AS graded, NULL AS scored, NULL AS score_points, NULL AS shared_grades, NULL AS score_percent
  FROM quiz_results
  UNION ALL
  SELECT student_id, course_id, NULL, NULL, NULL, graded, scored, score_points, shared_grades, score_percent
  FROM grading
  WHERE graded > 0
) AS results
GROUP BY ALL;

-- Each assignment as a whole: who saw it, who handed in, and when. One of which only its due date is known has a row too.
-- key: course_id, assignment_id
-- check: resubmitters <= submitters
-- check: first_submission <= last_submission
CREATE VIEW assessment_assignment_summary AS
SELECT
  course_id,
  assignment_id,
  min(assignment_type)                     AS assignment_type,   -- such as essay or project, the smallest that was said; NULL when not said
  min(due_at)                              AS due_at,            -- when it is due, the latest that was said, UTC; NULL when not said
  count(seen)                              AS viewers,           -- people who viewed it
  count(handed)                            AS submitters,        -- people who handed in
  count(*) FILTER (submissions > 1)        AS resubmitters,      -- of them, those who handed in more than once
  CASE WHEN min(due_at) IS NOT NULL THEN count(*) FILTER (handed > due_at) END AS late_submitters,  -- of them, those who first handed in after it was due; NULL when that isn't said
  CAST(median(microseconds) AS DOUBLE) / 3600e6 AS median_hours_to_submit,  -- hours from first seeing it to first handing in, the median of those who did them in this order; NULL without any
  min(handed)                              AS first_submission,  -- the earliest, UTC; NULL without one
  max(latest)                              AS last_submission,   -- the latest, UTC; NULL without one
  min(handed) FILTER (10 * place >= 9 * submitters) AS most_by   -- when 90 % of those who handed in had first done so, UTC; NULL without any
FROM (
  SELECT
    course_id,
    assignment_id,
    assignment_type,
    seen,
    handed,
    latest,
    submissions,
    CASE WHEN handed >= seen THEN date_diff('microsecond', seen, handed) END AS microseconds,
    max(due_at) OVER (PARTITION BY course_id, assignment_id) AS due_at,
    row_number() OVER (PARTITION BY course_id, assignment_id ORDER BY handed NULLS LAST) AS place,
    count(handed) OVER (PARTITION BY course_id, assignment_id) AS submitters
  FROM (
    SELECT
      course_id,
      assignment_id,
      user_id,
      min(assignment_type)  AS assignment_type,
      min(first_view)       AS seen,
      min(first_submission) AS handed,
      max(last_submission)  AS latest,
      sum(submissions)      AS submissions,
      max(due_at)           AS due_at
    FROM (
      SELECT course_id, assignment_id, user_id, assignment_type, first_view, first_submission, last_submission, submissions, NULL AS due_at
      FROM assignment_work
      WHERE assignment_id IS NOT NULL
      UNION ALL
      SELECT course_id, assignment_id, NULL, NULL, NULL, NULL, NULL, NULL, due_at
      FROM assignment_deadlines
    ) AS known
    GROUP BY ALL
  ) AS work
) AS people
GROUP BY ALL;

-- How long work waits to be graded: from the first time it was handed in to its first grade. Works graded before they were handed
-- in are graded, but say nothing of how long it took.
-- key: course_id, assignment_id
-- check: graded + waiting = handed_in
CREATE VIEW assessment_time_to_grade AS
SELECT
  course_id,
  assignment_id,
  count(*)                     AS handed_in,  -- people who handed it in
  count(graded)                AS graded,     -- of them, those with a grade
  count(*) - count(graded)     AS waiting,    -- of them, those without
  CAST(median(microseconds) AS DOUBLE) / 3600e6 AS median_hours_to_grade,  -- hours, the median; NULL when none is graded
  -- between the two works about nine tenths down the line, by how near each is
  sum(microseconds * greatest(0, 10 - abs(10 * (place - 1) - 9 * (timed - 1)))) / 36e9 AS p90_hours_to_grade,  -- hours, within which nine of ten are graded; NULL when none is graded
  min(handed) FILTER (graded IS NULL) AS oldest_waiting  -- when the work that waits longest was handed in, UTC; NULL when none waits
FROM (
  SELECT
    course_id,
    assignment_id,
    handed,
    graded,
    microseconds,
    row_number() OVER (PARTITION BY course_id, assignment_id ORDER BY microseconds NULLS LAST) AS place,
    count(microseconds) OVER (PARTITION BY course_id, assignment_id) AS timed
  FROM (
    SELECT
      works.course_id,
      works.assignment_id,
      works.handed,
      grades.graded,
      CASE WHEN grades.graded >= works.handed THEN date_diff('microsecond', works.handed, grades.graded) END AS microseconds
    FROM (
      SELECT user_id, course_id, assignment_id, min(first_submission) AS handed
      FROM assignment_work
      WHERE assignment_id IS NOT NULL AND submissions > 0
      GROUP BY ALL
    ) AS works
    LEFT JOIN (
      SELECT student_id, course_id, assignment_id, min(first_graded) AS graded
      FROM grading
      WHERE assignment_id IS NOT NULL AND graded > 0
      GROUP BY ALL
    ) AS grades
      ON works.user_id = grades.student_id
      AND works.course_id IS NOT DISTINCT FROM grades.course_id
      AND works.assignment_id = grades.assignment_id
  ) AS pairs
) AS ordered
GROUP BY ALL;

-- How hard each quiz is, and whether those who do well elsewhere do well in it. A try's share is its right answers of the questions it
-- says; where it doesn't, of the most that any try of the quiz says; where none does, of the most right answers of any. More than all
-- is all. Only tries that say right answers have one. Shares are whole numbers of 1e-12, so that they add up to the same in any order.
-- key: course_id, quiz_id
-- check: discrimination BETWEEN -1.000001 AND 1.000001
CREATE VIEW assessment_quiz_difficulty AS
SELECT
  course_id,
  quiz_id,
  students,                                         -- people who completed it
  first_shares / nullif(shared, 0) / 1e10  AS first_try_percentage,  -- percent right in the first try that has a share, the mean of people; NULL when none has
  best_shares / nullif(shared, 0) / 1e10   AS best_try_percentage,   -- percent right in the best try, the mean of people; NULL when none has
  tries / students                         AS mean_attempts,         -- tries a person; never NULL
  CASE WHEN pairs >= 10 AND pairs * xx > x * x AND pairs * yy > y * y
    THEN CAST(pairs * xy - x * y AS DOUBLE) / (sqrt(CAST(pairs * xx - x * x AS DOUBLE)) * sqrt(CAST(pairs * yy - y * y AS DOUBLE)))
  END AS discrimination  -- correlation, -1 to 1, of people's best shares with the mean of their best shares in the course's other quizzes; NULL below 10 people with both, or when all are alike
FROM (
  SELECT
    course_id,
    quiz_id,
    count(*)     AS students,
    sum(tries)   AS tries,
    count(best)  AS shared,
    sum(best)    AS best_shares,
    sum(first)   AS first_shares,
    CAST(count(rest) AS DECIMAL(38, 0)) AS pairs,
    sum(CASE WHEN rest IS NOT NULL THEN CAST(best AS DECIMAL(38, 0)) END)        AS x,
    sum(CAST(rest AS DECIMAL(38, 0)))                                            AS y,
    sum(CAST(best AS DECIMAL(38, 0)) * CAST(rest AS DECIMAL(38, 0)))             AS xy,
    sum(CASE WHEN rest IS NOT NULL THEN CAST(best AS DECIMAL(38, 0)) * CAST(best AS DECIMAL(38, 0)) END) AS xx,
    sum(CAST(rest AS DECIMAL(38, 0)) * CAST(rest AS DECIMAL(38, 0)))             AS yy
  FROM (
    SELECT
      course_id,
      quiz_id,
      tries,
      best,
      first,
      CASE WHEN best IS NOT NULL THEN CAST(floor(
        (sum(best) OVER (PARTITION BY user_id, course_id) - best)
          / nullif(count(best) OVER (PARTITION BY user_id, course_id) - 1, 0) + 5e-1
      ) AS BIGINT) END AS rest
    FROM (
      SELECT
        user_id,
        course_id,
        quiz_id,
        sum(tries) AS tries,
        max(share) AS best,
        min(share) FILTER (place = 1) AS first
      FROM (
        SELECT
          user_id,
          course_id,
          quiz_id,
          tries,
          share,
          row_number() OVER (PARTITION BY user_id, course_id, quiz_id ORDER BY CASE WHEN share IS NULL THEN 1 ELSE 0 END, timestamp, share) AS place
        FROM (
          SELECT
            user_id,
            course_id,
            quiz_id,
            timestamp,
            tries,
            CAST(floor(1e12 * least(correct_answers, questions) / nullif(questions, 0) + 5e-1) AS BIGINT) AS share
          FROM (
            SELECT
              user_id,
              course_id,
              quiz_id,
              timestamp,
              tries,
              correct_answers,
              CASE WHEN correct_answers IS NOT NULL THEN coalesce(
                question_count,
                max(question_count) OVER (PARTITION BY course_id, quiz_id),
                nullif(max(correct_answers) OVER (PARTITION BY course_id, quiz_id), 0)
              ) END AS questions
            FROM (
              SELECT user_id, course_id, quiz_id, timestamp, correct_answers, question_count, sum(tries) AS tries
              FROM quiz_tries
              GROUP BY ALL
            ) AS known
          ) AS sized
        ) AS shares
      ) AS ordered
      GROUP BY ALL
    ) AS people
  ) AS beside
  GROUP BY ALL
) AS quizzes;

-- How hard each question is.
-- check: unique_students <= answers
CREATE VIEW assessment_question_difficulty AS
SELECT
  course_id,
  quiz_id,
  question_id,
  sum(answers)            AS answers,          -- answers
  count(DISTINCT user_id) AS unique_students,  -- people who answered
  1e2 * sum(right_answers) / nullif(sum(marked), 0) AS correct_percentage,  -- percent of the answers that are right, of those of which it is known; NULL when of none
  1e2 * count(*) FILTER (first_right = first_marked) / nullif(count(first_marked), 0) AS first_try_percentage  -- percent of the people whose first answer is right; NULL when of none it is known
FROM (
  SELECT
    course_id,
    quiz_id,
    question_id,
    user_id,
    sum(answers)       AS answers,
    sum(marked)        AS marked,
    sum(right_answers) AS right_answers,
    min(first_marked)  AS first_marked,
    min(first_right)   AS first_right
  FROM question_answers
  GROUP BY ALL
) AS people
GROUP BY ALL;
