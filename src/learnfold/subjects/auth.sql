-- Who comes, when, for how long: logins, logouts and sign-ups.
-- order: 1

-- Logins, logouts and sign-ups.
CREATE TABLE auth_topic (
  session_id          VARCHAR,  -- the visit between a login and a logout; NULL when the platform has no sessions (names no person)
  email               VARCHAR,  -- the address signed up or logged in with; NULL when not said
  registration_source VARCHAR,  -- where a sign-up came from, such as web or mobile; NULL when not said (names no person)
);

-- Every visit, folded by day: what a user did within a session.
CREATE TABLE auth_sessions AS
SELECT
  date,
  user_id,
  role,
  session_id,
  count(*) FILTER (event_type = 'LOGIN')         AS logins,         -- logins
  count(*) FILTER (event_type = 'LOGOUT')        AS logouts,        -- logouts
  min(timestamp) FILTER (event_type = 'LOGIN')   AS first_login,    -- the earliest login, UTC; NULL without one
  max(timestamp) FILTER (event_type = 'LOGOUT')  AS last_logout,    -- the latest logout, UTC; NULL without one
  min(timestamp)                                 AS first_activity, -- the earliest event of any type, UTC
  max(timestamp)                                 AS last_activity   -- the latest event of any type, UTC
FROM auth_topic
GROUP BY ALL;

-- Logins by hour of the day.
CREATE TABLE auth_login_hours AS
SELECT
  date,
  hour,
  count(*) AS logins  -- logins
FROM auth_topic
WHERE event_type = 'LOGIN'
GROUP BY ALL;

-- New accounts by day, source and role.
CREATE TABLE auth_signups AS
SELECT
  date,
  registration_source,
  role,
  count(*) AS signups  -- sign-ups
FROM auth_topic
WHERE event_type = 'SIGNUP'
GROUP BY ALL;

-- How many people came each day, and in how many sessions.
-- check: daily_active_users > 0
CREATE VIEW auth_daily_active_users AS
SELECT
  date,
  count(DISTINCT user_id)    AS daily_active_users,  -- users with a login that day
  count(DISTINCT session_id) AS total_sessions       -- sessions with a login that day; logins without a session id count none
FROM auth_sessions
WHERE logins > 0
GROUP BY ALL;

-- At which hours people log in: the peaks to size a platform for.
CREATE VIEW auth_hourly_login_patterns AS
SELECT
  date,
  hour,
  sum(logins) AS login_count  -- logins in that hour
FROM auth_login_hours
GROUP BY ALL;

-- How long each user's sessions last. A session is a user's session id with a login and a logout, from the earliest login
-- to the latest logout; one that ends before it begins isn't counted, and a user without any has no row.
-- check: min_session_duration_minutes <= max_session_duration_minutes
CREATE VIEW auth_user_session_metrics AS
SELECT
  user_id,
  count(*)                                 AS total_sessions,                -- complete sessions
  sum(duration_microseconds) / count(*) / 60e6 AS avg_session_duration_minutes,  -- minutes, the mean
  min(duration_microseconds) / 60e6        AS min_session_duration_minutes,  -- minutes, the shortest
  max(duration_microseconds) / 60e6        AS max_session_duration_minutes,  -- minutes, the longest
  sum(duration_microseconds) / 60e6        AS total_time_online_minutes      -- minutes, all sessions together
FROM (
  SELECT
    user_id,
    session_id,
    date_diff('microsecond', min(first_login), max(last_logout)) AS duration_microseconds
  FROM auth_sessions
  WHERE session_id IS NOT NULL
  GROUP BY ALL
) AS sessions
WHERE duration_microseconds >= 0
GROUP BY ALL;

-- What each user did over all time.
-- check: first_activity <= last_activity
CREATE VIEW auth_user_activity_summary AS
SELECT
  user_id,
  role,
  sum(logins)                AS total_logins,    -- logins
  sum(logouts)               AS total_logouts,   -- logouts
  min(first_activity)        AS first_activity,  -- the earliest event of any type, UTC
  max(last_activity)         AS last_activity,   -- the latest event of any type, UTC
  count(DISTINCT session_id) AS unique_sessions  -- sessions seen in any event
FROM auth_sessions
GROUP BY ALL;

-- How many people signed up each day, and from where.
CREATE VIEW auth_registration_analytics AS
SELECT
  date,
  registration_source,
  role,
  sum(signups) AS new_signups  -- sign-ups that day
FROM auth_signups
GROUP BY ALL;
