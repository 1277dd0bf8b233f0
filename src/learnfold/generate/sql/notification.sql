-- Notifications sent, some opened and some of those clicked; how many depends on what they say and where they arrive.
INSERT INTO notification_topic BY NAME
WITH addressed AS (
  SELECT *, unnest(range(how_many(day_h, 'notifications', getvariable('notifications_a_day')))) AS nth
  FROM attendance
  WHERE day >= getvariable('from_day') - 2 AND day < getvariable('until_day')
), drawn AS (
  SELECT
    draw(day_h, 4000 + nth) AS h,
    midnight_us(day) + waking_us(day_h, 4000 + nth) AS sent_us,
    user_id, role, day,
    pick(day_h, 4000 + nth, courses) AS course_number
  FROM addressed
), written AS (
  SELECT
    drawn.*,
    course_id,
    least(getvariable('units'), 1 + (sent_us - getvariable('start_us')) // getvariable('unit_us')) AS unit,
    101 + day * videos_a_week // 7 AS newest,
    below(drawn.h, 'type', 16) AS kind,
    CASE WHEN kind < 5 THEN 'assignment_due' WHEN kind < 9 THEN 'new_video' WHEN kind < 12 THEN 'grade_posted'
      WHEN kind < 14 THEN 'quiz_reminder' WHEN kind < 15 THEN 'course_announcement' ELSE 'system' END AS notification_type,
    CASE notification_type WHEN 'grade_posted' THEN 0.8 WHEN 'assignment_due' THEN 0.55 WHEN 'quiz_reminder' THEN 0.5
      WHEN 'new_video' THEN 0.35 WHEN 'course_announcement' THEN 0.3 ELSE 0.1 END AS appeal,
    pick(drawn.h, 'channel', ['push', 'push', 'in_app', 'in_app', 'email', 'email', 'sms']) AS channel,
    chance(drawn.h, 'opens') < appeal AS opened,
    opened AND chance(drawn.h, 'clicks') < 0.5 AS clicked,
    sent_us + seconds_us(5 + 86400 * chance(drawn.h, 'notices') ** 4) AS opened_us
  FROM drawn JOIN courses USING (course_number)
), happened AS (
  SELECT *, sent_us AS us, 'NOTIFICATION_SENT' AS event_type FROM written
  UNION ALL
  SELECT *, opened_us, 'NOTIFICATION_OPENED' FROM written WHERE opened
  UNION ALL
  SELECT *, opened_us + seconds_us(1 + 30 * chance(h, 'follows')), 'NOTIFICATION_CLICKED' FROM written WHERE clicked
  UNION ALL
  SELECT *, sent_us + seconds_us(10), 'NOTIFICATION_DISMISSED' FROM written WHERE NOT opened AND chance(h, 'dismisses') < 0.001
)
SELECT
  draw(h, event_type) AS h,
  us,
  event_type,
  user_id,
  role,
  'N' || lower(to_hex(h)) AS notification_id,
  notification_type,
  channel,
  CASE notification_type
    WHEN 'assignment_due' THEN course_id || '-A' || unit
    WHEN 'grade_posted' THEN course_id || '-A' || unit
    WHEN 'quiz_reminder' THEN course_id || '-Q' || unit
    WHEN 'new_video' THEN course_id || '-V' || newest
    WHEN 'course_announcement' THEN course_id
  END AS related_object_id
FROM happened
WHERE due(us);
