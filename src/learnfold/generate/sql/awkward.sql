-- What real producers do to events: they leave optional fields out, round times, and write texts that hurt.
UPDATE auth_topic SET session_id = NULL WHERE NOT planted AND chance(h, 'no session') < 0.02;
UPDATE auth_topic SET email = NULL, role = NULL WHERE NOT planted AND chance(h, 'no role') < 0.02;
UPDATE auth_topic SET registration_source = NULL WHERE NOT planted AND chance(h, 'no source') < 0.05;
UPDATE assessment_topic SET course_id = NULL WHERE NOT planted AND chance(h, 'no course') < 0.02;
UPDATE assessment_topic SET assignment_id = NULL WHERE NOT planted AND chance(h, 'no assignment') < 0.02;
UPDATE assessment_topic SET assignment_type = NULL WHERE NOT planted AND chance(h, 'no type') < 0.02;
UPDATE assessment_topic SET student_id = NULL WHERE NOT planted AND chance(h, 'no student') < 0.02;
UPDATE assessment_topic SET score = NULL, correct_answers = NULL WHERE NOT planted AND chance(h, 'no marks') < 0.03;
UPDATE assessment_topic SET feedback = pick(h, 'odd', [E'He said "hay lắm" 👍\n\tand left \\o/', 'a,b;c|''d''', ' ', ''])
WHERE event_type = 'GRADE_ASSIGNMENT' AND chance(h, 'odd words') < 0.3;
UPDATE video_topic SET course_id = NULL WHERE NOT planted AND chance(h, 'no course') < 0.02;
UPDATE video_topic SET video_id = NULL WHERE NOT planted AND chance(h, 'no video') < 0.02;
UPDATE video_topic SET watch_duration_seconds = NULL WHERE NOT planted AND chance(h, 'no duration') < 0.03;
UPDATE video_topic SET watch_duration_seconds = 0 WHERE NOT planted AND chance(h, 'no time') < 0.01;
UPDATE course_topic SET course_id = NULL WHERE NOT planted AND chance(h, 'no course') < 0.02;
UPDATE course_topic SET role = NULL WHERE NOT planted AND chance(h, 'no role') < 0.02;
UPDATE course_topic SET material_id = NULL WHERE NOT planted AND chance(h, 'no material') < 0.02;
UPDATE course_topic SET course_name = 'Toán "rời rạc" \ II — 数学' WHERE course_name IS NOT NULL AND chance(h, 'odd name') < 0.2;
UPDATE profile_topic SET updated_fields = [] WHERE NOT planted AND updated_fields IS NOT NULL AND chance(h, 'none') < 0.05;
UPDATE profile_topic SET new_value = pick(h, 'odd', ['Nguyễn Văn "A"', E'two\nlines', '{"a": [1]}', ''])
WHERE new_value IS NOT NULL AND chance(h, 'odd value') < 0.3;
UPDATE notification_topic SET notification_type = NULL WHERE NOT planted AND chance(h, 'no type') < 0.02;
UPDATE notification_topic SET channel = NULL, notification_id = NULL WHERE NOT planted AND chance(h, 'no channel') < 0.02;
UPDATE auth_topic SET event_category = NULL WHERE NOT planted AND chance(h, 'no category') < 0.05;
UPDATE auth_topic SET us = us - us % [1000000, 1000, 100000][1 + below(h, 'unit', 3)] WHERE NOT planted AND chance(h, 'coarse') < 0.7;
UPDATE assessment_topic SET event_category = NULL WHERE NOT planted AND chance(h, 'no category') < 0.05;
UPDATE assessment_topic SET us = us - us % [1000000, 1000, 100000][1 + below(h, 'unit', 3)] WHERE NOT planted AND chance(h, 'coarse') < 0.7;
UPDATE video_topic SET event_category = NULL WHERE NOT planted AND chance(h, 'no category') < 0.05;
UPDATE video_topic SET us = us - us % [1000000, 1000, 100000][1 + below(h, 'unit', 3)] WHERE NOT planted AND chance(h, 'coarse') < 0.7;
UPDATE course_topic SET event_category = NULL WHERE NOT planted AND chance(h, 'no category') < 0.05;
UPDATE course_topic SET us = us - us % [1000000, 1000, 100000][1 + below(h, 'unit', 3)] WHERE NOT planted AND chance(h, 'coarse') < 0.7;
UPDATE profile_topic SET event_category = NULL WHERE NOT planted AND chance(h, 'no category') < 0.05;
UPDATE profile_topic SET us = us - us % [1000000, 1000, 100000][1 + below(h, 'unit', 3)] WHERE NOT planted AND chance(h, 'coarse') < 0.7;
UPDATE notification_topic SET event_category = NULL WHERE NOT planted AND chance(h, 'no category') < 0.05;
UPDATE notification_topic SET us = us - us % [1000000, 1000, 100000][1 + below(h, 'unit', 3)] WHERE NOT planted AND chance(h, 'coarse') < 0.7;
