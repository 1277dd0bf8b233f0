-- Chance without a generator: every draw is a hash of what it is about, so it's the same on any number of threads, in any
-- order and however the semester is cut up. Hashed twice: hash() alone only XORs its last argument in.

-- 64 bits drawn for a thing (its own 64 bits, h) under a name or number (salt).
CREATE OR REPLACE MACRO draw(h, salt) AS hash(hash(h, salt));

-- A number from 0 up to, not including, 1.
CREATE OR REPLACE MACRO chance(h, salt) AS (draw(h, salt) >> 11)::DOUBLE * 1.1102230246251565e-16;

-- A whole number from 0 to n - 1.
CREATE OR REPLACE MACRO below(h, salt, n) AS floor(chance(h, salt) * n)::INTEGER;

-- One of a list.
CREATE OR REPLACE MACRO pick(h, salt, options) AS options[1 + below(h, salt, len(options))];

-- How often something happened that happens mean times on average: geometric, so mostly seldom and sometimes often.
CREATE OR REPLACE MACRO how_many(h, salt, mean) AS
  CASE WHEN mean > 0 THEN least(200, floor(ln(1 - chance(h, salt)) / ln(mean / (1 + mean))))::INTEGER ELSE 0 END;

-- A number around 0, between -1.5 and 1.5, with a standard deviation of 0.5.
CREATE OR REPLACE MACRO noise(h, salt) AS chance(h, salt) + chance(h, salt || '2') + chance(h, salt || '3') - 1.5;

-- A UUID (version 4) of a thing's 64 bits.
CREATE OR REPLACE MACRO uuid_of(h) AS (
  ((draw(h, 'uuid') & 18446744073709490175::UBIGINT | 16384::UBIGINT)::UHUGEINT << 64)
  | (draw(h, 'uuid2') & 4611686018427387903::UBIGINT | 9223372036854775808::UBIGINT)::UHUGEINT
)::UUID::VARCHAR;

-- Whether a time belongs to the days being made.
CREATE OR REPLACE MACRO due(us) AS us >= getvariable('from_us') AND us < getvariable('until_us');

-- Microseconds: the first of a day of the semester (counted from 0), and of seconds.
CREATE OR REPLACE MACRO midnight_us(day) AS getvariable('start_us') + day * 86400000000;
CREATE OR REPLACE MACRO seconds_us(seconds) AS (seconds * 1e6)::BIGINT;

-- A moment of a day when people are awake where the university is (UTC+7): 0:00 to 18:00 UTC.
CREATE OR REPLACE MACRO waking_us(h, salt) AS (chance(h, salt) * 64800e6)::BIGINT;

-- A moment moved to a time of its day (in seconds), and one moved out of the night (18:00 to 24:00 UTC): both only where a
-- unit of work is long enough.
CREATE OR REPLACE MACRO on_the_clock(us, seconds) AS
  CASE WHEN getvariable('unit_us') > 259200000000 THEN us - us % 86400000000 + seconds::BIGINT * 1000000 ELSE us END;
CREATE OR REPLACE MACRO awake(us) AS
  us + CASE WHEN us % 86400000000 >= 64800000000 AND getvariable('unit_us') > 259200000000 THEN 32400000000 ELSE 0 END;
