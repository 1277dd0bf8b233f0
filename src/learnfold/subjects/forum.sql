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

-- What a person does in a thread.
CREATE TABLE forum_threads AS
SELECT
  date,
  course_id,
  thread_id,
  user_id,
  count(*) FILTER (event_type = 'POST_CREATED')        AS posts,        -- posts written
  count(*) FILTER (event_type = 'REPLY_CREATED')       AS replies,      -- replies written
  count(*) FILTER (event_type = 'POST_VIEWED')         AS views,        -- posts read
  min(timestamp) FILTER (event_type = 'POST_CREATED')  AS first_post,   -- the earliest post, UTC; NULL without one
  max(timestamp) FILTER (event_type = 'POST_CREATED')  AS last_post,    -- the latest post, UTC; NULL without one
  min(timestamp) FILTER (event_type = 'REPLY_CREATED') AS first_reply,  -- the earliest reply, UTC; NULL without one
  max(timestamp) FILTER (event_type = 'REPLY_CREATED') AS last_reply,   -- the latest reply, UTC; NULL without one
  max(timestamp)                                       AS last_activity -- the latest event of any type, UTC
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

-- Who takes part in discussions, and how.
-- check: first_post <= last_post
CREATE VIEW forum_participation AS
SELECT
  user_id,
  course_id,
  sum(posts)    AS posts,    -- posts written
  sum(replies)  AS replies,  -- replies written
  sum(views)    AS views,    -- posts read
  count(DISTINCT thread_id) FILTER (posts > 0 OR replies > 0) AS threads,  -- different threads written in
  least(coalesce(min(first_post), min(first_reply)), coalesce(min(first_reply), min(first_post)))   AS first_post,  -- the earliest post or reply, UTC; NULL without one
  greatest(coalesce(max(last_post), max(last_reply)), coalesce(max(last_reply), max(last_post)))    AS last_post    -- the latest post or reply, UTC; NULL without one
FROM forum_threads
GROUP BY ALL;

-- Which threads are read and answered.
CREATE VIEW forum_thread_popularity AS
SELECT
  course_id,
  thread_id,
  count(DISTINCT user_id) FILTER (views > 0)                AS unique_readers,  -- people who read a post of it
  sum(views)                                                AS views,           -- posts read
  sum(posts)                                                AS posts,           -- posts written
  sum(replies)                                              AS replies,         -- replies written
  count(DISTINCT user_id) FILTER (posts > 0 OR replies > 0) AS unique_authors,  -- people who wrote in it
  max(last_activity)                                        AS last_activity    -- the latest event of any type, UTC
FROM forum_threads
WHERE thread_id IS NOT NULL
GROUP BY ALL;

-- How long questions wait for an answer. A thread begins with its earliest post (at the same instant: of the smallest user); it is
-- answered when someone else replied. Threads of which no post is known aren't counted.
-- key: course_id
-- check: answered + unanswered = threads
CREATE VIEW forum_answer_times AS
SELECT
  course_id,
  count(*)                    AS threads,     -- threads
  count(answered)             AS answered,    -- of them, those with a reply by someone else
  count(*) - count(answered)  AS unanswered,  -- of them, those without
  CAST(median(CASE WHEN answered >= asked THEN date_diff('microsecond', asked, answered) END) AS DOUBLE) / 3600e6 AS median_hours_to_first_reply,  -- hours from the first post to the first reply by someone else, the median of those in this order; NULL without any
  min(asked) FILTER (answered IS NULL) AS oldest_unanswered  -- when the thread that waits longest began, UTC; NULL when none waits
FROM (
  SELECT
    people.course_id,
    people.thread_id,
    min(people.asked)  AS asked,
    min(people.reply) FILTER (people.user_id <> people.author) AS answered
  FROM (
    SELECT
      course_id,
      thread_id,
      user_id,
      reply,
      min(post) OVER (PARTITION BY course_id, thread_id) AS asked,
      first_value(user_id) OVER (PARTITION BY course_id, thread_id ORDER BY CASE WHEN post IS NULL THEN 1 ELSE 0 END, post, user_id) AS author
    FROM (
      SELECT course_id, thread_id, user_id, min(first_post) AS post, min(first_reply) AS reply
      FROM forum_threads
      WHERE thread_id IS NOT NULL
      GROUP BY ALL
    ) AS written
  ) AS people
  WHERE people.asked IS NOT NULL
  GROUP BY ALL
) AS threads
GROUP BY ALL;
