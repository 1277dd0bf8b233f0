-- Assignments and quizzes. A semester has units of equal length; each course sets one assignment and one quiz a unit, at
-- 8:00 where the university is and due at 23:59:59.
CREATE OR REPLACE TABLE work AS
WITH set_work AS (
  SELECT people.* EXCLUDE (courses), unnest(courses) AS course_number, unit
  FROM people, range(getvariable('units')) AS units(unit)
  WHERE role = 'student'
    AND getvariable('start_us') + unit * getvariable('unit_us') < getvariable('until_us')
    AND getvariable('start_us') + (unit + 1.2) * getvariable('unit_us') >= getvariable('from_us')
), drawn AS (
  SELECT
    draw(draw(set_work.h, 'unit'), course_number * 1000 + unit) AS h,
    user_id,
    ability,
    course_id,
    course_id || '-A' || (unit + 1) AS assignment_id,
    course_id || '-Q' || (unit + 1) AS quiz_id,
    pick(draw(courses.h, 'assignments'), unit, ['essay', 'homework', 'homework', 'lab', 'project']) AS assignment_type,
    chance(draw(courses.h, 'difficulty'), unit) AS difficulty,
    10 + 5 * below(courses.h, unit, 3) AS questions,
    teacher_number,
    getvariable('unit_us') AS unit_us,
    on_the_clock(getvariable('start_us') + (unit_us * (unit + 0.05 + 0.1 * chance(courses.h, 'set')))::BIGINT, 3600) AS released_us,
    on_the_clock(released_us + (unit_us * 0.55)::BIGINT, 61199) AS deadline_us,
    joined_day,
    left_day,
    trouble = 'hands_nothing_in' AND released_us >= midnight_us(trouble_day) AS hands_nothing_in
  FROM set_work JOIN courses USING (course_number)
)
SELECT
  drawn.*,
  teacher.user_id AS teacher_id,
  awake(released_us + (0.3 * chance(drawn.h, 'views') ** 2 * unit_us)::BIGINT) AS viewed_us,
  -- most hand in on the last day, some too late, some never
  greatest(viewed_us + seconds_us(600 + 3000 * chance(drawn.h, 'hurries')), awake(deadline_us + CASE
    WHEN chance(drawn.h, 'is late') < 0.08 THEN (0.1 * chance(drawn.h, 'submits') * unit_us)::BIGINT
    ELSE -(0.5 * chance(drawn.h, 'submits') ** 3 * unit_us)::BIGINT END)) AS submitted_us,
  chance(drawn.h, 'hands in') < 0.9 AND NOT coalesce(hands_nothing_in, false) AS submitted,
  awake(deadline_us + ((0.1 + 0.2 * chance(drawn.h, 'grading')) * unit_us)::BIGINT) AS graded_us,
  (0.01 * unit_us)::BIGINT AS short_us
FROM drawn JOIN people AS teacher ON teacher.role = 'teacher' AND teacher.number = teacher_number
WHERE chance(drawn.h, 'takes part') < getvariable('taking_part')
  AND viewed_us >= midnight_us(drawn.joined_day + 1) AND viewed_us < midnight_us(drawn.left_day);

INSERT INTO assessment_topic BY NAME
WITH happened AS (
  SELECT *, viewed_us AS us, 'VIEW_ASSIGNMENT_FIRST_TIME' AS event_type, 0 AS nth FROM work
  UNION ALL
  SELECT *, submitted_us, 'SUBMIT_ASSIGNMENT', 0 FROM work WHERE submitted
  UNION ALL
  SELECT *, submitted_us + (short_us * (1 + chance(h, 'again')))::BIGINT, 'SUBMIT_ASSIGNMENT', 1 FROM work
  WHERE submitted AND chance(h, 'resubmits') < 0.2
  UNION ALL
  SELECT *, submitted_us + (short_us * chance(h, 'edits'))::BIGINT, 'EDIT_ASSIGNMENT', 0 FROM work
  WHERE submitted AND chance(h, 'edited') < 0.25
  UNION ALL
  SELECT *, submitted_us + (short_us * 0.9)::BIGINT, 'DELETE_ASSIGNMENT', 0 FROM work
  WHERE submitted AND chance(h, 'deletes') < 0.04
  UNION ALL
  SELECT *, graded_us, 'VIEW_STUDENT_WORK', 0 FROM work WHERE submitted AND chance(h, 'is read') < 0.95
  UNION ALL
  SELECT *, graded_us + seconds_us(60 + 900 * chance(h, 'reads')), 'GRADE_ASSIGNMENT', 0 FROM work
  WHERE submitted AND chance(h, 'is read') < 0.92
  UNION ALL
  SELECT *, graded_us + seconds_us(1200), 'ASSIGNMENT_REOPENED', 0 FROM work WHERE submitted AND chance(h, 'reopens') < 0.04
  UNION ALL
  SELECT *, graded_us + seconds_us(1500), 'ASSIGNMENT_COMMENTED', 0 FROM work WHERE submitted AND chance(h, 'comments') < 0.001
  UNION ALL
  SELECT *, awake(released_us + ((0.2 + 0.4 * chance(h, 'quiz')) * unit_us)::BIGINT), 'QUIZ_COMPLETED', 0 FROM work
  UNION ALL
  SELECT *, awake(released_us + ((0.62 + 0.2 * chance(h, 'quiz again')) * unit_us)::BIGINT), 'QUIZ_COMPLETED', 1 FROM work
  WHERE chance(h, 'retakes') < 0.25
), told AS (
  SELECT
    *,
    event_type IN ('VIEW_STUDENT_WORK', 'GRADE_ASSIGNMENT', 'ASSIGNMENT_REOPENED') AS by_teacher,
    event_type = 'QUIZ_COMPLETED' AS is_quiz,
    -- 0 to 100 in halves: ability less difficulty, and luck
    least(100, greatest(0, round(200 * (ability + 0.25 - 0.3 * difficulty + 0.2 * noise(h, 'luck')))) / 2) AS points
  FROM happened
  WHERE due(us)
)
SELECT
  draw(draw(h, event_type), nth) AS h,
  us,
  event_type,
  CASE WHEN by_teacher THEN teacher_id ELSE user_id END AS user_id,
  CASE WHEN by_teacher THEN 'teacher' ELSE 'student' END AS role,
  course_id,
  CASE WHEN NOT is_quiz THEN assignment_id END AS assignment_id,
  CASE WHEN NOT is_quiz THEN assignment_type END AS assignment_type,
  CASE WHEN event_type IN ('SUBMIT_ASSIGNMENT', 'EDIT_ASSIGNMENT')
    THEN 'https://files.university.example/' || assignment_id || '/' || user_id || '-' || (nth + 1) || '.pdf' END AS file_url,
  CASE WHEN is_quiz THEN quiz_id END AS quiz_id,
  CASE WHEN is_quiz THEN least(questions, greatest(0, round(
    questions * (ability + 0.1 * nth + 0.15 - 0.2 * difficulty + 0.2 * noise(h, 'quiz luck')))))::INTEGER END AS correct_answers,
  CASE WHEN by_teacher THEN user_id END AS student_id,
  CASE event_type WHEN 'GRADE_ASSIGNMENT' THEN points END AS score,
  CASE WHEN event_type = 'GRADE_ASSIGNMENT' AND chance(h, 'says why') < 0.6
    THEN CASE WHEN points >= 85 THEN 'Excellent.' WHEN points >= 60 THEN 'Good, but see my notes.' ELSE 'Please talk to me.' END
    END AS feedback,
  CASE event_type WHEN 'ASSIGNMENT_REOPENED' THEN make_timestamp(us + unit_us // 5)::DATE::VARCHAR END AS new_due_date,
  CASE event_type WHEN 'GRADE_ASSIGNMENT' THEN 100.0 END AS max_score,
  CASE WHEN is_quiz THEN questions END AS question_count,
  CASE WHEN NOT is_quiz THEN make_timestamp(deadline_us) END AS due_date
FROM told;

-- A few of the answers that quizzes are made of: the later a question, the harder.
INSERT INTO assessment_topic BY NAME
WITH answered AS (
  SELECT
    draw(h, 'question') AS h,
    ability,
    user_id,
    course_id,
    quiz_id,
    1 + below(h, 'question', questions) AS question,
    awake(released_us + ((0.2 + 0.4 * chance(h, 'quiz')) * unit_us)::BIGINT) AS us
  FROM work
  WHERE chance(h, 'is told') < 0.3
)
SELECT
  h,
  us,
  'QUESTION_ANSWERED' AS event_type,
  user_id,
  'student' AS role,
  course_id,
  quiz_id,
  quiz_id || '-' || question AS question_id,
  CASE WHEN chance(h, 'is right') < ability + 0.2 - 0.02 * question THEN 'true' ELSE 'false' END AS is_correct
FROM answered
WHERE due(us);
