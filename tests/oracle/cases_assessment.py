"""Cases of the views of assessment_topic."""

from __future__ import annotations

from oracle.case import DAY, Case, at, events, rows

CASES = [
    Case(
        "a resubmission is a submission, not an assignment; nor is none named",
        "assessment_student_submissions",
        events(
            "event_type course_id assignment_id timestamp",
            ("SUBMIT_ASSIGNMENT", "c1", "a1", at(10)),
            ("SUBMIT_ASSIGNMENT", "c1", "a1", at(12)),
            ("SUBMIT_ASSIGNMENT", "c1", None, at(9)),
            ("SUBMIT_ASSIGNMENT", None, "a2", at(11)),
            ("EDIT_ASSIGNMENT", "c1", "a3", at(8)),
            ("EDIT_ASSIGNMENT", "c2", "a3", at(8)),
        ),
        rows(
            "user_id course_id total_assignments_submitted total_submissions first_submission last_submission",
            ("u1", "c1", 1, 3, at(9), at(12)),
            ("u1", None, 1, 1, at(11), at(11)),
        ),
    ),
    Case(
        "a pair is from its earliest view to its earliest submission, under that view's course",
        "assessment_engagement_timeline",
        events(
            "event_type course_id assignment_id timestamp",
            ("VIEW_ASSIGNMENT_FIRST_TIME", "c2", "a1", at(9)),
            ("VIEW_ASSIGNMENT_FIRST_TIME", "c1", "a1", at(8)),
            ("SUBMIT_ASSIGNMENT", "c3", "a1", at(12)),
            ("SUBMIT_ASSIGNMENT", "c3", "a1", at(10)),
            ("VIEW_ASSIGNMENT_FIRST_TIME", "c1", "a2", at(10)),
            ("SUBMIT_ASSIGNMENT", "c1", "a2", at(10, 30)),
        ),
        rows(
            "user_id course_id assignments_completed avg_hours_to_submit min_hours_to_submit max_hours_to_submit",
            ("u1", "c1", 2, 1.25, 0.5, 2.0),
        ),
    ),
    Case(
        "of views at one instant the smallest course, an absent one first",
        "assessment_engagement_timeline",
        events(
            "event_type user_id course_id assignment_id timestamp",
            ("VIEW_ASSIGNMENT_FIRST_TIME", "u1", "c2", "a1", at(8)),
            ("VIEW_ASSIGNMENT_FIRST_TIME", "u1", "c1", "a1", at(8)),
            ("VIEW_ASSIGNMENT_FIRST_TIME", "u1", None, "a1", at(9)),
            ("SUBMIT_ASSIGNMENT", "u1", "c2", "a1", at(9)),
            ("VIEW_ASSIGNMENT_FIRST_TIME", "u2", "c1", "a1", at(8)),
            ("VIEW_ASSIGNMENT_FIRST_TIME", "u2", None, "a1", at(8)),
            ("SUBMIT_ASSIGNMENT", "u2", "c1", "a1", at(8)),
        ),
        rows(
            "user_id course_id assignments_completed avg_hours_to_submit min_hours_to_submit max_hours_to_submit",
            ("u1", "c1", 1, 1.0, 1.0, 1.0),
            ("u2", None, 1, 0.0, 0.0, 0.0),
        ),
    ),
    Case(
        "a half, negative or nameless pair has no row, nor one of two users",
        "assessment_engagement_timeline",
        events(
            "event_type user_id assignment_id timestamp",
            ("VIEW_ASSIGNMENT_FIRST_TIME", "viewed", "a1", at(8)),
            ("SUBMIT_ASSIGNMENT", "submitted", "a1", at(9)),
            ("SUBMIT_ASSIGNMENT", "negative", "a1", at(8)),
            ("VIEW_ASSIGNMENT_FIRST_TIME", "negative", "a1", at(9)),
            ("SUBMIT_ASSIGNMENT", "negative", "a1", at(10)),
            ("VIEW_ASSIGNMENT_FIRST_TIME", "nameless", None, at(8)),
            ("SUBMIT_ASSIGNMENT", "nameless", None, at(9)),
        ),
        [],
    ),
    Case(
        "a quiz without its answers is a quiz; a mean or sum of none is none",
        "assessment_quiz_performance",
        events(
            "event_type course_id correct_answers",
            ("QUIZ_COMPLETED", "c1", 3),
            ("QUIZ_COMPLETED", "c1", 8),
            ("QUIZ_COMPLETED", "c1", None),
            ("QUIZ_COMPLETED", "c2", None),
            ("QUIZ_COMPLETED", "c3", 0),
            ("QUIZ_STARTED", "c4", 9),
        ),
        rows(
            "user_id course_id total_quizzes_completed avg_correct_answers total_correct_answers "
            "min_correct_answers max_correct_answers avg_correct_percentage",
            ("u1", "c1", 3, 5.5, 11, 3, 8, None),
            ("u1", "c2", 1, None, None, None, None, None),
            ("u1", "c3", 1, 0.0, 0, 0, 0, None),
        ),
    ),
    Case(
        "a sum goes beyond 32 bits",
        "assessment_quiz_performance",
        events("event_type correct_answers", *[("QUIZ_COMPLETED", 2147483647)] * 3),
        rows(
            "user_id course_id total_quizzes_completed avg_correct_answers total_correct_answers "
            "min_correct_answers max_correct_answers avg_correct_percentage",
            ("u1", None, 3, 2147483647.0, 6442450941, 2147483647, 2147483647, None),
        ),
    ),
    Case(
        "a grade is the student's, who may be unnamed; the grader is no part of the key",
        "assessment_grading_stats",
        events(
            "event_type user_id student_id course_id score",
            ("GRADE_ASSIGNMENT", "t1", "s1", "c1", 7.5),
            ("GRADE_ASSIGNMENT", "t2", "s1", "c1", 2.0),
            ("GRADE_ASSIGNMENT", "t1", "s1", "c1", None),
            ("GRADE_ASSIGNMENT", "t1", None, "c1", None),
            ("VIEW_STUDENT_WORK", "t1", "s2", "c1", 9.0),
        ),
        rows(
            "student_id course_id total_assignments_graded avg_assignment_score min_assignment_score "
            "max_assignment_score total_assignment_score avg_score_percentage",
            ("s1", "c1", 3, 4.75, 2.0, 7.5, 9.5, None),
            (None, "c1", 1, None, None, None, None, None),
        ),
    ),
    Case(
        "a grader's work, viewed or graded, whatever the role; the own work is none",
        "assessment_teacher_workload",
        events(
            "event_type user_id role student_id course_id score",
            ("VIEW_STUDENT_WORK", "t1", "teacher", "s1", "c1", 1.0),
            ("VIEW_STUDENT_WORK", "t1", "teacher", None, "c1", None),
            ("GRADE_ASSIGNMENT", "t1", "teacher", "s1", "c1", 6.0),
            ("GRADE_ASSIGNMENT", "t1", None, "s1", "c1", 7.0),
            ("GRADE_ASSIGNMENT", "t1", "teacher", None, "c1", None),
            ("VIEW_STUDENT_WORK", "t2", "student", "s1", "c1", None),
            ("GRADE_ASSIGNMENT", "s1", "student", "s1", "c1", 9.0),
            ("ASSIGNMENT_REOPENED", "t3", "teacher", None, "c1", None),
        ),
        rows(
            "user_id course_id total_works_viewed total_assignments_graded avg_score_given",
            ("t1", "c1", 2, 3, 6.5),
            ("t2", "c1", 1, 0, None),
        ),
    ),
    Case(
        "submissions by day, course and type",
        "assessment_submission_distribution",
        events(
            "event_type user_id course_id assignment_type",
            ("SUBMIT_ASSIGNMENT", "u1", "c1", "essay"),
            ("SUBMIT_ASSIGNMENT", "u1", "c1", "essay"),
            ("SUBMIT_ASSIGNMENT", "u2", "c1", "essay"),
            ("SUBMIT_ASSIGNMENT", "u2", "c1", None),
            ("EDIT_ASSIGNMENT", "u2", "c2", "essay"),
        ),
        rows(
            "date course_id assignment_type submissions_count unique_students",
            (DAY, "c1", "essay", 3, 2),
            (DAY, "c1", None, 1, 1),
        ),
    ),
    Case(
        "a quiz is its user's, a grade its student's, unnamed as that may be",
        "assessment_student_overall_performance",
        events(
            "event_type user_id student_id course_id correct_answers score",
            ("QUIZ_COMPLETED", "s1", "s9", "c1", 4, 99.0),
            ("QUIZ_COMPLETED", "s1", None, "c1", 5, None),
            ("GRADE_ASSIGNMENT", "t1", "s1", "c1", 99, 8.0),
            ("GRADE_ASSIGNMENT", "t2", "s1", "c1", None, 5.0),
            ("GRADE_ASSIGNMENT", "t1", "s2", "c1", None, None),
            ("GRADE_ASSIGNMENT", "t1", None, "c1", None, 3.0),
            ("SUBMIT_ASSIGNMENT", "s3", "s3", "c1", 1, 1.0),
        ),
        rows(
            "user_id course_id quizzes_completed avg_quiz_correct assignments_graded avg_assignment_score "
            "avg_score_percentage",
            ("s1", "c1", 2, 4.5, 2, 6.5, None),
            ("s2", "c1", 0, None, 1, None, None),
            (None, "c1", 0, None, 1, 3.0, None),
        ),
    ),
    Case(
        "a percentage is of those that say both, whatever their scales",
        "assessment_grading_stats",
        events(
            "event_type student_id course_id score max_score",
            ("GRADE_ASSIGNMENT", "s1", "c1", 5.0, 10.0),
            ("GRADE_ASSIGNMENT", "s1", "c1", 100.0, 100.0),
            ("GRADE_ASSIGNMENT", "s1", "c1", 7.0, None),
            ("GRADE_ASSIGNMENT", "s1", "c1", None, 20.0),
        ),
        rows(
            "student_id course_id total_assignments_graded avg_assignment_score min_assignment_score "
            "max_assignment_score total_assignment_score avg_score_percentage",
            ("s1", "c1", 4, 112 / 3, 5.0, 100.0, 112.0, 75.0),
        ),
    ),
]
