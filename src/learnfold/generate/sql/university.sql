-- The university: its courses, its people with their habits, and the days of the semester.

-- A course, the most popular first. Its videos come out over the weeks.
CREATE OR REPLACE TABLE courses AS
WITH numbered AS (
  SELECT range::INTEGER AS course_number, draw(hash(getvariable('seed'), 'course'), range) AS h
  FROM range(getvariable('courses'))
)
SELECT
  course_number,
  h,
  'CS' || (101 + course_number) AS course_id,
  pick(h, 'subject', [
    'Programming', 'Discrete Mathematics', 'Data Structures', 'Databases', 'Computer Networks', 'Operating Systems',
    'Machine Learning', 'Software Engineering', 'Linear Algebra', 'Distributed Systems', 'Compilers', 'Statistics'
  ]) || pick(h, 'level', ['', ' I', ' II', ' in Practice', ' Seminar']) AS course_name,
  2 + below(h, 'videos a week', 3) AS videos_a_week,
  12 + below(h, 'materials', 30) AS materials,
  course_number % getvariable('teachers') AS teacher_number
FROM numbered;

-- A student or teacher and the habits that make the semester.
CREATE OR REPLACE TABLE people AS
WITH numbered AS (
  SELECT 'student' AS role, range::INTEGER AS number, draw(hash(getvariable('seed'), 'student'), range) AS h
  FROM range(1, getvariable('students') + 1)
  UNION ALL
  SELECT 'teacher', range::INTEGER, draw(hash(getvariable('seed'), 'teacher'), range)
  FROM range(getvariable('teachers'))
), drawn AS (
  SELECT
    *,
    -- seven tries at courses, the popular ones likelier; the first five different ones are taken
    [floor(getvariable('courses') * chance(h, i) ** 1.6)::INTEGER FOR i IN range(7)] AS tries,
    -- whether the enrolments are made in the semester
    role = 'student' AND chance(h, 'new') < getvariable('enrolled_share') AS enrolled,
    -- what goes wrong for some of them; NULL: nothing
    CASE WHEN enrolled AND chance(h, 'trouble') < getvariable('troubled') THEN pick(h, 'reason', [
      'never_comes', 'leaves', 'fails', 'stops_watching', 'hands_nothing_in', 'fades'
    ]) END AS trouble
  FROM numbered
), troubled AS (
  SELECT
    *,
    -- the day from which on it does
    CASE
      WHEN trouble = 'never_comes' THEN 0
      WHEN trouble = 'fades' THEN greatest(0, getvariable('days') - 7)
      WHEN trouble IN ('leaves', 'fails') THEN getvariable('days') // 2 + below(h, 'begins', 1 + getvariable('days') // 4)
      WHEN trouble IS NOT NULL THEN getvariable('days') // 10
    END::INTEGER AS trouble_day
  FROM drawn
)
SELECT
  h,
  role,
  number,
  CASE role WHEN 'student' THEN 'SV' || CASE WHEN number < 100000 THEN lpad(number::VARCHAR, 5, '0') ELSE number::VARCHAR END
    ELSE 'GV' || CASE WHEN number < 999 THEN lpad((number + 1)::VARCHAR, 3, '0') ELSE (number + 1)::VARCHAR END END AS user_id,
  CASE role WHEN 'student' THEN list_filter(tries, lambda course, i: list_position(tries, course) = i)[:5]
    ELSE range(number, getvariable('courses')::INTEGER, getvariable('teachers')::INTEGER)::INTEGER[] END AS courses,
  -- the day of the SIGNUP; -1: before the semester
  CASE WHEN role = 'student' AND chance(h, 'new') < getvariable('new_share')
    THEN floor(chance(h, 'signs up') ** 2 * least(14, getvariable('days')))::INTEGER ELSE -1 END AS joined_day,
  enrolled,
  trouble,
  trouble_day,
  -- the first day of a dropout's absence; days: stays
  CASE WHEN trouble IN ('never_comes', 'leaves', 'fails') THEN trouble_day
    WHEN trouble IS NULL AND role = 'student' AND chance(h, 'drops out') < 0.15
    THEN least(14, getvariable('days')) + below(h, 'leaves', greatest(1, getvariable('days') - 14))
    ELSE getvariable('days') END AS left_day,
  -- favourite hours, UTC
  pick(h, 'hour', [1.5, 2.5, 7.0, 8.0, 12.0, 12.5, 13.0, 13.5, 13.5, 14.0, 14.5, 15.5]) AS first_hour,
  pick(h, 'other hour', [2.0, 3.5, 6.5, 9.0, 11.5, 13.0, 14.0, 16.0]) AS second_hour,
  CASE role WHEN 'student' THEN 0.25 + 2.25 * chance(h, 'diligence') ** 2 ELSE 1.5 END AS diligence,
  0.4 + 1.2 * chance(h, 'likes videos') AS likes_videos,
  CASE WHEN trouble = 'fails' THEN 0.15 + 0.1 * chance(h, 'fails')
    ELSE least(0.98, greatest(0.15, 0.68 + 0.3 * noise(h, 'ability'))) END AS ability
FROM troubled;

-- A day: its weekday (1 is Monday) and how much it makes people work. One in the middle has no logins but the planted.
CREATE OR REPLACE TABLE calendar AS
SELECT
  range::INTEGER AS day,
  isodow(make_timestamp(midnight_us(range))) AS weekday,
  CASE WHEN range = getvariable('quiet_day') THEN 0
    ELSE [1.1, 1.15, 1.1, 1.0, 0.8, 0.75, 1.1][weekday] * CASE WHEN range % 14 IN (10, 11, 12) THEN 1.35 ELSE 1 END
  END AS pull
FROM range(getvariable('days'));

-- Someone on a day they're there: h is that day's own 64 bits, pull how likely they are to work.
CREATE OR REPLACE VIEW attendance AS
SELECT
  people.*,
  day,
  draw(people.h, day) AS day_h,
  pull * diligence * (0.4 + 1.2 * chance(people.h, weekday)) * CASE WHEN trouble = 'fades' AND day >= trouble_day THEN 0.1 ELSE 1 END AS likely
FROM people, calendar
WHERE day > joined_day AND day < left_day;
