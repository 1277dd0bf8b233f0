-- What every event carries, whatever its topic: these columns stand before each topic's own.
CREATE TABLE event (
  event_id       VARCHAR,             -- unique per event: the same id seen again is the same event delivered again; NULL when the producer gives none (names no person)
  event_category VARCHAR,             -- AUTH, ASSESSMENT, VIDEO, COURSE, PROFILE or NOTIFICATION; NULL when not said (names no person)
  event_type     VARCHAR NOT NULL,    -- what happened, in upper case; an unknown type is kept (names no person)
  user_id        VARCHAR NOT NULL,    -- who did it; for a notification, who received it (whose event it is)
  role           VARCHAR,             -- student or teacher; NULL when not said (names no person)
  timestamp      TIMESTAMP NOT NULL,  -- when it happened, in UTC, to the microsecond (names no person)
  date           DATE GENERATED ALWAYS AS (CAST(reporting_time(timestamp) AS DATE)),                     -- the day it happened, in the reporting zone
  hour           INTEGER GENERATED ALWAYS AS (CAST(EXTRACT(hour FROM reporting_time(timestamp)) AS INTEGER)), -- the hour it happened, 0 to 23, in the reporting zone
);
