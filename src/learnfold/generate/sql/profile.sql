-- Profiles made by new people, and what is changed in them.
INSERT INTO profile_topic BY NAME
WITH changed AS (
  SELECT *, unnest(range(how_many(day_h, 'profile', getvariable('profile_events_a_day')))) AS nth
  FROM attendance
  WHERE day >= getvariable('from_day') AND day < getvariable('until_day')
), happened AS (
  SELECT
    draw(day_h, 3000 + nth) AS h,
    midnight_us(day) + waking_us(day_h, 3000 + nth) AS us,
    user_id, role,
    draw(day_h, 3000 + nth) AS kind_h,
    chance(kind_h, 'kind') AS kind,
    CASE WHEN kind < 0.6 THEN 'UPDATE_PROFILE' WHEN kind < 0.75 THEN 'PROFILE_PICTURE_UPDATED'
      WHEN kind < 0.88 THEN 'CHANGE_AVATAR' WHEN kind < 0.998 THEN 'PASSWORD_CHANGED' ELSE 'PROFILE_VIEWED' END AS event_type
  FROM changed
  UNION ALL BY NAME
  SELECT
    draw(h, 'profile') AS h, midnight_us(joined_day) + waking_us(h, 'signup') + seconds_us(90) AS us,
    user_id, role, 'CREATE_PROFILE' AS event_type
  FROM people
  WHERE joined_day >= 0
), told AS (
  SELECT
    *,
    event_type = 'UPDATE_PROFILE' AS is_update,
    -- half name one field, nearly half a list, a few nothing
    chance(h, 'naming') AS naming,
    ['phone', 'bio', 'address', 'full_name', 'language', 'date_of_birth', 'bio', 'phone'] AS names
  FROM happened
  WHERE due(us)
)
SELECT
  h, us, event_type, user_id, role,
  CASE WHEN is_update AND naming < 0.5 THEN pick(h, 'field', names) END AS field_name,
  CASE WHEN is_update AND naming >= 0.5 AND naming < 0.95
    THEN names[1 + below(h, 'field', 6):][:1 + below(h, 'fields', 3)] END AS updated_fields,
  CASE WHEN field_name IS NOT NULL THEN 'value ' || below(h, 'value', 100000) END AS new_value,
  CASE WHEN event_type IN ('PROFILE_PICTURE_UPDATED', 'CHANGE_AVATAR')
    THEN 'https://pictures.university.example/' || lower(user_id) || '/' || below(h, 'picture', 1000) || '.png' END AS picture_url
FROM told;
