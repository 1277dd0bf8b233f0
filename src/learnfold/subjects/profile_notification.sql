-- How people keep their profiles, and what they do with the notifications they get.
-- order: 5

-- Changes to profiles.
CREATE TABLE profile_topic (
  field_name     VARCHAR,    -- the one field changed; NULL when updated_fields says it, or nothing does (names no person)
  updated_fields VARCHAR[],  -- the fields changed; NULL when field_name says it, or nothing does (names no person)
  new_value      VARCHAR,    -- what it was changed to; NULL when not said
  picture_url    VARCHAR,    -- the new picture; NULL when not said
);

-- Notifications sent, opened and clicked.
CREATE TABLE notification_topic (
  notification_id   VARCHAR,  -- the notification; NULL when not said (names no person)
  notification_type VARCHAR,  -- such as deadline or grade; NULL when not said (names no person)
  channel           VARCHAR,  -- such as email or push; NULL when not said (names no person)
  related_object_id VARCHAR,  -- what it is about; NULL when not said
);

-- Profile events by person and type.
CREATE TABLE profile_events AS
SELECT
  date,
  user_id,
  event_type,
  count(*)       AS events,       -- events
  min(timestamp) AS first_event,  -- the earliest, UTC
  max(timestamp) AS last_event    -- the latest, UTC
FROM profile_topic
GROUP BY ALL;

-- Fields changed by UPDATE_PROFILE: field_name where present, else each of updated_fields, else NULL.
CREATE TABLE profile_field_updates AS
SELECT
  date,
  user_id,
  field_name,           -- the field changed; NULL when the update names none
  count(*) AS updates   -- updates that changed it
FROM (
  SELECT
    date,
    user_id,
    unnest(CASE WHEN field_name IS NULL AND len(updated_fields) > 0 THEN updated_fields ELSE [field_name] END) AS field_name
  FROM profile_topic
  WHERE event_type = 'UPDATE_PROFILE'
) AS changes
GROUP BY ALL;

-- Notification events by person, type of event and type of notification.
CREATE TABLE notification_events AS
SELECT
  date,
  user_id,
  event_type,
  notification_type,
  count(*) AS events  -- events
FROM notification_topic
GROUP BY ALL;

-- What became of each notification that a person got. Without an id it can't be told which one was opened.
CREATE TABLE notifications AS
SELECT
  date,
  user_id,
  notification_id,
  min(notification_type) FILTER (event_type = 'NOTIFICATION_SENT') AS notification_type,  -- its type, the smallest that its sending says; NULL when not said
  min(channel) FILTER (event_type = 'NOTIFICATION_SENT')           AS channel,            -- its channel, likewise; NULL when not said
  min(timestamp) FILTER (event_type = 'NOTIFICATION_SENT')         AS sent,               -- when it was first sent, UTC; NULL when it wasn't
  min(timestamp) FILTER (event_type = 'NOTIFICATION_OPENED')       AS opened,             -- when it was first opened, UTC; NULL when it wasn't
  min(timestamp) FILTER (event_type = 'NOTIFICATION_CLICKED')      AS clicked             -- when it was first clicked, UTC; NULL when it wasn't
FROM notification_topic
WHERE notification_id IS NOT NULL AND event_type IN ('NOTIFICATION_SENT', 'NOTIFICATION_OPENED', 'NOTIFICATION_CLICKED')
GROUP BY ALL;

-- How often each user updates the profile.
-- check: first_update <= last_update
CREATE VIEW profile_update_frequency AS
SELECT
  user_id,
  sum(events)      AS total_profile_updates,  -- updates
  min(first_event) AS first_update,           -- the earliest, UTC
  max(last_event)  AS last_update             -- the latest, UTC
FROM profile_events
WHERE event_type = 'UPDATE_PROFILE'
GROUP BY ALL;

-- Which fields are changed most.
-- check: unique_users_updating <= total_updates
CREATE VIEW profile_field_changes AS
SELECT
  field_name,
  sum(updates)            AS total_updates,         -- updates of the field
  count(DISTINCT user_id) AS unique_users_updating  -- people who changed it
FROM profile_field_updates
GROUP BY ALL;

-- How often each user changes the picture: a CHANGE_AVATAR or a PROFILE_PICTURE_UPDATED.
-- check: first_change <= last_change
CREATE VIEW profile_avatar_changes AS
SELECT
  user_id,
  sum(events)      AS avatar_changes_count,  -- changes
  min(first_event) AS first_change,          -- the earliest, UTC
  max(last_event)  AS last_change            -- the latest, UTC
FROM profile_events
WHERE event_type IN ('CHANGE_AVATAR', 'PROFILE_PICTURE_UPDATED')
GROUP BY ALL;

-- What happens to profiles each day.
-- check: unique_users <= event_count
CREATE VIEW profile_daily_activity AS
SELECT
  date,
  event_type,
  count(DISTINCT user_id) AS unique_users,  -- people
  sum(events)             AS event_count    -- events
FROM profile_events
GROUP BY ALL;

-- How many notifications of each type went out.
-- check: unique_recipients <= total_sent
CREATE VIEW notification_delivery_stats AS
SELECT
  notification_type,
  sum(events)             AS total_sent,        -- notifications sent
  count(DISTINCT user_id) AS unique_recipients  -- people who were sent one
FROM notification_events
WHERE event_type = 'NOTIFICATION_SENT'
GROUP BY ALL;

-- What each user clicks.
CREATE VIEW notification_engagement AS
SELECT
  user_id,
  notification_type,
  sum(events) AS notifications_clicked  -- clicks
FROM notification_events
WHERE event_type = 'NOTIFICATION_CLICKED'
GROUP BY ALL;

-- How often each type of notification is clicked.
CREATE VIEW notification_click_through_rate AS
SELECT
  notification_type,
  coalesce(sum(events) FILTER (event_type = 'NOTIFICATION_SENT'), 0)     AS total_sent,     -- notifications sent
  coalesce(sum(events) FILTER (event_type = 'NOTIFICATION_CLICKED'), 0)  AS total_clicked,  -- clicks
  1e2 * coalesce(sum(events) FILTER (event_type = 'NOTIFICATION_CLICKED'), 0)
    / sum(events) FILTER (event_type = 'NOTIFICATION_SENT')              AS click_through_rate  -- percent of those sent; NULL when none was sent
FROM notification_events
WHERE event_type IN ('NOTIFICATION_SENT', 'NOTIFICATION_CLICKED')
GROUP BY ALL;

-- Which types of notification each user answers to.
CREATE VIEW notification_user_preferences AS
SELECT
  user_id,
  notification_type,
  coalesce(sum(events) FILTER (event_type = 'NOTIFICATION_SENT'), 0)     AS notifications_received,  -- notifications sent to the user
  coalesce(sum(events) FILTER (event_type = 'NOTIFICATION_CLICKED'), 0)  AS notifications_clicked,   -- clicks
  1e2 * coalesce(sum(events) FILTER (event_type = 'NOTIFICATION_CLICKED'), 0)
    / sum(events) FILTER (event_type = 'NOTIFICATION_SENT')              AS engagement_rate          -- percent of those received; NULL when none was
FROM notification_events
WHERE event_type IN ('NOTIFICATION_SENT', 'NOTIFICATION_CLICKED')
GROUP BY ALL;

-- What happens with notifications each day.
-- check: unique_users <= event_count
CREATE VIEW notification_daily_activity AS
SELECT
  date,
  event_type,
  notification_type,
  count(DISTINCT user_id) AS unique_users,  -- people
  sum(events)             AS event_count    -- events
FROM notification_events
GROUP BY ALL;

-- Each user's notifications as a whole; every user with any notification event.
CREATE VIEW notification_user_summary AS
SELECT
  user_id,
  coalesce(sum(events) FILTER (event_type = 'NOTIFICATION_SENT'), 0)     AS total_received,  -- notifications sent to the user
  coalesce(sum(events) FILTER (event_type = 'NOTIFICATION_CLICKED'), 0)  AS total_clicked,   -- clicks
  1e2 * coalesce(sum(events) FILTER (event_type = 'NOTIFICATION_CLICKED'), 0)
    / sum(events) FILTER (event_type = 'NOTIFICATION_SENT')              AS overall_engagement_rate  -- percent of those received; NULL when none was
FROM notification_events
GROUP BY ALL;

-- What notifications achieve, by type and channel. Counted are those that were sent, each person's each id once; without an id it can't
-- be told which one was opened, so they aren't here.
-- check: opened <= sent
-- check: clicked <= sent
CREATE VIEW notification_effect AS
SELECT
  notification_type,                        -- the smallest that its sending says; NULL when not said
  channel,                                  -- the smallest that its sending says; NULL when not said
  count(*)                      AS sent,    -- notifications sent
  count(opened)                 AS opened,  -- of them, those that were opened
  count(clicked)                AS clicked, -- of them, those that were clicked
  1e2 * count(opened) / count(*)  AS open_percentage,   -- percent of those sent; never NULL
  1e2 * count(clicked) / count(*) AS click_percentage,  -- percent of those sent; never NULL
  CAST(median(CASE WHEN opened >= sent THEN date_diff('microsecond', sent, opened) END) AS DOUBLE) / 60e6 AS median_minutes_to_open  -- minutes from sending to opening, the median of those opened after they were sent; NULL without any
FROM (
  SELECT
    user_id,
    notification_id,
    min(notification_type) AS notification_type,
    min(channel)           AS channel,
    min(sent)              AS sent,
    min(opened)            AS opened,
    min(clicked)           AS clicked
  FROM notifications
  GROUP BY ALL
) AS known
WHERE sent IS NOT NULL
GROUP BY ALL;
