-- The events of the days being made, a table a topic: h is the event's own 64 bits, us its time in microseconds since 1970
-- UTC, planted whether its numbers are in the planted truth. The other columns are the events' fields.

CREATE OR REPLACE TABLE auth_topic (
  h UBIGINT, us BIGINT, planted BOOLEAN DEFAULT false,
  event_category VARCHAR DEFAULT 'AUTH', event_type VARCHAR, user_id VARCHAR, role VARCHAR,
  session_id VARCHAR, email VARCHAR, registration_source VARCHAR
);

CREATE OR REPLACE TABLE assessment_topic (
  h UBIGINT, us BIGINT, planted BOOLEAN DEFAULT false,
  event_category VARCHAR DEFAULT 'ASSESSMENT', event_type VARCHAR, user_id VARCHAR, role VARCHAR,
  course_id VARCHAR, assignment_id VARCHAR, assignment_type VARCHAR, file_url VARCHAR, quiz_id VARCHAR,
  correct_answers INTEGER, student_id VARCHAR, score DOUBLE, feedback VARCHAR, new_due_date VARCHAR
);

CREATE OR REPLACE TABLE video_topic (
  h UBIGINT, us BIGINT, planted BOOLEAN DEFAULT false,
  event_category VARCHAR DEFAULT 'VIDEO', event_type VARCHAR, user_id VARCHAR, role VARCHAR,
  video_id VARCHAR, course_id VARCHAR, session_id VARCHAR, watch_duration_seconds INTEGER
);

CREATE OR REPLACE TABLE course_topic (
  h UBIGINT, us BIGINT, planted BOOLEAN DEFAULT false,
  event_category VARCHAR DEFAULT 'COURSE', event_type VARCHAR, user_id VARCHAR, role VARCHAR,
  course_id VARCHAR, material_id VARCHAR, material_type VARCHAR, resource_id VARCHAR, item_id VARCHAR, item_type VARCHAR,
  course_name VARCHAR
);

CREATE OR REPLACE TABLE profile_topic (
  h UBIGINT, us BIGINT, planted BOOLEAN DEFAULT false,
  event_category VARCHAR DEFAULT 'PROFILE', event_type VARCHAR, user_id VARCHAR, role VARCHAR,
  field_name VARCHAR, updated_fields VARCHAR[], new_value VARCHAR, picture_url VARCHAR
);

CREATE OR REPLACE TABLE notification_topic (
  h UBIGINT, us BIGINT, planted BOOLEAN DEFAULT false,
  event_category VARCHAR DEFAULT 'NOTIFICATION', event_type VARCHAR, user_id VARCHAR, role VARCHAR,
  notification_id VARCHAR, notification_type VARCHAR, channel VARCHAR, related_object_id VARCHAR
);
