-- Courses made, joined, left and unmade, and what people open in them.
INSERT INTO course_topic BY NAME
WITH browsed AS (
  SELECT *, unnest(range(items)) AS nth FROM sessions WHERE items > 0
), drawn AS (
  SELECT
    draw(h, 1000 + nth) AS h,
    started_us + (length_us * (nth + chance(h, 1000 + nth)) / items)::BIGINT AS us,
    user_id, role,
    pick(h, 2000 + nth, courses) AS course_number
  FROM browsed
), opened AS (
  SELECT
    drawn.*,
    course_id,
    courses.h AS course_h,
    1 + floor(chance(drawn.h, 'what') ** 2 * materials)::INTEGER AS number,
    chance(drawn.h, 'how') AS how,
    CASE
      WHEN how < 0.36 THEN 'COURSE_VIEW'
      WHEN how < 0.60 THEN 'ITEM_CLICK'
      WHEN how < 0.87 THEN 'ACCESS_COURSE_MATERIAL'
      WHEN how < 0.9995 THEN 'DOWNLOAD_MATERIAL'
      ELSE 'COURSE_SHARED'
    END AS event_type
  FROM drawn JOIN courses USING (course_number)
  WHERE due(us)
)
SELECT
  h,
  us,
  event_type,
  user_id,
  role,
  course_id,
  -- one click in ten names the material behind the item, one download in five only the material
  CASE WHEN event_type = 'ACCESS_COURSE_MATERIAL' OR (event_type = 'ITEM_CLICK' AND chance(h, 'both') < 0.1)
    OR (event_type = 'DOWNLOAD_MATERIAL' AND chance(h, 'both') < 0.2) THEN course_id || '-M' || number END AS material_id,
  CASE WHEN material_id IS NOT NULL THEN pick(course_h, number, ['pdf', 'pdf', 'slides', 'notebook', 'link']) END AS material_type,
  CASE WHEN event_type = 'DOWNLOAD_MATERIAL' AND material_id IS NULL THEN course_id || '-R' || number END AS resource_id,
  CASE WHEN event_type = 'ITEM_CLICK' THEN course_id || '-I' || number END AS item_id,
  CASE WHEN event_type = 'ITEM_CLICK' THEN pick(course_h, -number, ['page', 'forum', 'video', 'quiz', 'assignment']) END AS item_type
FROM opened;

-- Every course is made before the semester's first enrolment; now and then one is made by mistake and deleted.
INSERT INTO course_topic BY NAME
WITH made AS (
  SELECT h, course_id, course_name, teacher_number, midnight_us(0) + seconds_us(course_number % 600 + chance(h, 'made')) AS us
  FROM courses
), mistaken AS (
  SELECT
    draw(h, 'mistake') AS h,
    course_id || '-COPY' AS course_id,
    'Copy of ' || course_name AS course_name,
    teacher_number,
    midnight_us(below(h, 'mistake', getvariable('days'))) + waking_us(h, 'mistake') AS us
  FROM courses
  WHERE course_number = 0 OR chance(h, 'mistaken') < 0.05
), happened AS (
  FROM made SELECT *, 'COURSE_CREATED' AS event_type
  UNION ALL FROM mistaken SELECT *, 'COURSE_CREATED'
  UNION ALL FROM mistaken SELECT * REPLACE (us + seconds_us(120 + 3000 * chance(h, 'noticed')) AS us), 'COURSE_DELETED'
)
SELECT
  draw(happened.h, event_type) AS h, us, event_type, user_id, role, course_id,
  CASE event_type WHEN 'COURSE_CREATED' THEN course_name END AS course_name
FROM happened JOIN people ON role = 'teacher' AND number = teacher_number
WHERE due(us);

-- Enrolments in the first days, and the courses a dropout leaves. Whose trouble is planted doesn't say so.
INSERT INTO course_topic BY NAME
WITH taken AS (
  SELECT *, unnest(courses) AS course_number FROM people WHERE enrolled
), happened AS (
  SELECT
    h, user_id, role, course_number, 'COURSE_ENROLLED' AS event_type,
    CASE WHEN joined_day < 0 THEN midnight_us(0) + seconds_us(900 + 20000 * chance(h, 'enrols'))
      ELSE midnight_us(joined_day) + waking_us(h, 'signup') + seconds_us(300) END
      + seconds_us(900 * chance(h, course_number)) AS us
  FROM taken
  UNION ALL
  SELECT
    h, user_id, role, course_number, 'COURSE_DROPPED',
    midnight_us(left_day) + waking_us(h, 'leaves') + seconds_us(60 * chance(h, -course_number))
  FROM taken
  WHERE chance(h, 'says so') < 0.8 AND trouble IS NULL
)
SELECT
  draw(draw(happened.h, event_type), course_number) AS h, us, event_type, user_id, role, course_id,
  CASE event_type WHEN 'COURSE_ENROLLED' THEN course_name END AS course_name
FROM happened JOIN courses USING (course_number)
WHERE due(us);
