-- What is written and read in discussions.
-- order: 6

-- Posts, replies, reading, likes and follows.
CREATE TABLE forum_topic (
  course_id VARCHAR,  -- the course; NULL when not said (names no person)
  forum_id  VARCHAR,  -- the forum; NULL when not said (names no person)
  thread_id VARCHAR,  -- the thread; NULL when not said (names no person)
  post_id   VARCHAR,  -- the post or reply; NULL for a thread as a whole (names no person)
  parent_id VARCHAR   -- the post that is replied to; NULL when not said (names no person)
);

-- Every event in a discussion, by person and type.
CREATE TABLE forum_events AS
SELECT
  date,
  course_id,
  event_type,
  user_id,
  count(*) AS events  -- events
FROM forum_topic
GROUP BY ALL;

-- What happens in each course's discussions each day.
-- check: unique_users <= event_count
CREATE VIEW forum_daily_activity AS
SELECT
  date,
  course_id,
  event_type,
  count(DISTINCT user_id) AS unique_users,  -- people
  sum(events)             AS event_count    -- events
FROM forum_events
GROUP BY ALL;
