-- Logins, logouts (one in five just closes the window) and signups.
INSERT INTO auth_topic BY NAME
WITH happened AS (
  SELECT h, started_us AS us, 'LOGIN' AS event_type, user_id, role, session_id FROM sessions
  UNION ALL
  SELECT h, started_us + length_us, 'LOGOUT', user_id, role, session_id FROM sessions WHERE chance(h, 'logs out') < 0.8
  UNION ALL
  SELECT h, started_us - 40000000, 'PASSWORD_RESET_REQUESTED', user_id, role, NULL FROM sessions
  WHERE chance(h, 'forgot') < 0.002
  UNION ALL
  SELECT h, midnight_us(joined_day) + waking_us(h, 'signup'), 'SIGNUP', user_id, role, NULL FROM people
  WHERE joined_day >= getvariable('from_day') AND joined_day < getvariable('until_day')
)
SELECT
  draw(h, event_type) AS h,
  us,
  event_type,
  user_id,
  role,
  session_id,
  lower(user_id) || '@university.example' AS email,
  CASE event_type WHEN 'SIGNUP'
    THEN pick(h, 'source', ['web', 'web', 'web', 'mobile_app', 'mobile_app', 'campus_import', 'google']) END
    AS registration_source
FROM happened
WHERE due(us);
