-- Who takes which course, and what of its material is used.
-- order: 4

-- Enrolments, visits, clicks and downloads.
CREATE TABLE course_topic (
  course_id     VARCHAR,  -- the course; NULL when not said (names no person)
  material_id   VARCHAR,  -- the material opened or downloaded; NULL when not said (names no person)
  material_type VARCHAR,  -- such as pdf or slides; NULL when not said (names no person)
  resource_id   VARCHAR,  -- the file downloaded; NULL when not said (names no person)
  item_id       VARCHAR,  -- the item clicked; NULL when not said (names no person)
  item_type     VARCHAR,  -- such as link or quiz; NULL when not said (names no person)
  course_name   VARCHAR,  -- the course's title; NULL when not said
  section_id    VARCHAR,  -- the section of the course in which the material lies; NULL when not said (names no person)
  module_id     VARCHAR,  -- the module or unit in which the material lies; NULL when not said (names no person)
);

-- Every event in a course, by person and type.
CREATE TABLE course_events AS
SELECT
  date,
  course_id,
  event_type,
  user_id,
  role,
  count(*) AS events  -- events
FROM course_topic
GROUP BY ALL;

-- Material opened: an ACCESS_COURSE_MATERIAL or an ITEM_CLICK.
CREATE TABLE material_accesses AS
SELECT
  date,
  user_id,
  course_id,
  coalesce(material_id, item_id)     AS material_id,    -- the material, else the item clicked; NULL when neither is said
  coalesce(material_type, item_type) AS material_type,  -- its type, else the item's; NULL when neither is said
  count(*)                           AS accesses,       -- accesses
  min(timestamp)                     AS first_access,   -- the earliest, UTC
  max(timestamp)                     AS last_access     -- the latest, UTC
FROM course_topic
WHERE event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK')
GROUP BY ALL;

-- Files downloaded.
CREATE TABLE resource_downloads AS
SELECT
  date,
  user_id,
  course_id,
  coalesce(resource_id, material_id) AS resource_id,  -- the file, else the material; NULL when neither is said
  count(*)                           AS downloads     -- downloads
FROM course_topic
WHERE event_type = 'DOWNLOAD_MATERIAL'
GROUP BY ALL;

-- When students (whoever isn't a teacher) are in a course. That it was made or deleted isn't theirs.
CREATE TABLE course_activity AS
SELECT
  date,
  hour,
  user_id,
  course_id,
  count(*) AS events,  -- events
  count(*) FILTER (event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK')) AS accesses  -- of them, material opened
FROM course_topic
WHERE event_type NOT IN ('COURSE_CREATED', 'COURSE_DELETED') AND role IS DISTINCT FROM 'teacher'
GROUP BY ALL;

-- When students (whoever isn't a teacher) joined and left.
CREATE TABLE enrollments AS
SELECT
  date,
  user_id,
  course_id,
  min(timestamp) FILTER (event_type = 'COURSE_ENROLLED') AS first_enrolled,  -- the earliest enrolment, UTC; NULL without one
  max(timestamp) FILTER (event_type = 'COURSE_ENROLLED') AS last_enrolled,   -- the latest enrolment, UTC; NULL without one
  max(timestamp) FILTER (event_type = 'COURSE_DROPPED')  AS last_dropped     -- the latest leaving, UTC; NULL without one
FROM course_topic
WHERE event_type IN ('COURSE_ENROLLED', 'COURSE_DROPPED') AND role IS DISTINCT FROM 'teacher'
GROUP BY ALL;

-- How many students joined each course each day.
-- check: unique_new_students <= new_enrollments
CREATE VIEW course_enrollment_stats AS
SELECT
  date,
  course_id,
  sum(events)             AS new_enrollments,     -- enrolments that day, repeated ones too
  count(DISTINCT user_id) AS unique_new_students  -- people who enrolled that day
FROM course_events
WHERE event_type = 'COURSE_ENROLLED'
GROUP BY ALL;

-- What material each student opened.
-- check: unique_materials_accessed <= total_material_accesses
CREATE VIEW course_material_access AS
SELECT
  user_id,
  course_id,
  sum(accesses)               AS total_material_accesses,    -- accesses
  count(DISTINCT material_id) AS unique_materials_accessed,  -- different materials
  min(first_access)           AS first_access,               -- the earliest, UTC
  max(last_access)            AS last_access                 -- the latest, UTC
FROM material_accesses
GROUP BY ALL;

-- Which material is opened most.
-- check: unique_accessors <= total_accesses
CREATE VIEW course_material_popularity AS
SELECT
  course_id,
  material_id,
  material_type,
  count(DISTINCT user_id) AS unique_accessors,  -- people
  sum(accesses)           AS total_accesses     -- accesses
FROM material_accesses
GROUP BY ALL;

-- What each student downloads.
-- check: unique_resources_downloaded <= total_downloads
CREATE VIEW course_download_analytics AS
SELECT
  user_id,
  course_id,
  sum(downloads)              AS total_downloads,             -- downloads
  count(DISTINCT resource_id) AS unique_resources_downloaded  -- different files
FROM resource_downloads
GROUP BY ALL;

-- Which files are downloaded most.
-- check: unique_downloaders <= total_download_count
CREATE VIEW course_resource_download_stats AS
SELECT
  course_id,
  resource_id,
  count(DISTINCT user_id) AS unique_downloaders,   -- people
  sum(downloads)          AS total_download_count  -- downloads
FROM resource_downloads
GROUP BY ALL;

-- What each student does over all courses: users who enrolled, opened material or downloaded at least once.
CREATE VIEW course_activity_summary AS
SELECT
  user_id,
  count(DISTINCT course_id) FILTER (event_type = 'COURSE_ENROLLED')                            AS courses_enrolled,              -- different courses enrolled in
  coalesce(sum(events) FILTER (event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK')), 0)     AS total_material_accesses,       -- accesses
  count(DISTINCT course_id) FILTER (event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK'))    AS courses_with_material_access,  -- different courses with an access
  coalesce(sum(events) FILTER (event_type = 'DOWNLOAD_MATERIAL'), 0)                           AS total_downloads                -- downloads
FROM course_events
WHERE event_type IN ('COURSE_ENROLLED', 'ACCESS_COURSE_MATERIAL', 'ITEM_CLICK', 'DOWNLOAD_MATERIAL')
GROUP BY ALL;

-- What happens in each course each day.
-- check: unique_users <= event_count
CREATE VIEW course_daily_engagement AS
SELECT
  date,
  course_id,
  event_type,
  count(DISTINCT user_id) AS unique_users,  -- people
  sum(events)             AS event_count    -- events
FROM course_events
GROUP BY ALL;

-- Each course as a whole. A course of which only a teacher's visits are known has no row: nothing of them is counted here.
CREATE VIEW course_overall_metrics AS
SELECT
  course_id,
  coalesce(sum(events) FILTER (event_type = 'COURSE_ENROLLED'), 0)                          AS total_enrollments,           -- enrolments, repeated ones too
  coalesce(sum(events) FILTER (event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK')), 0)  AS total_material_accesses,     -- accesses
  coalesce(sum(events) FILTER (event_type = 'DOWNLOAD_MATERIAL'), 0)                        AS total_downloads,             -- downloads
  count(DISTINCT user_id) FILTER (role IS DISTINCT FROM 'teacher')                          AS unique_students_interacting  -- people who aren't teachers, by any event
FROM course_events
WHERE role IS DISTINCT FROM 'teacher' OR event_type IN ('COURSE_ENROLLED', 'ACCESS_COURSE_MATERIAL', 'ITEM_CLICK', 'DOWNLOAD_MATERIAL')
GROUP BY ALL;
