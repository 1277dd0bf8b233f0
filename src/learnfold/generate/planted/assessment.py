"""Planted work: two assignments, one handed in on another day than it was seen, and three quizzes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from learnfold.generate.planted.story import COURSE, STUDENT, TEACHER

if TYPE_CHECKING:
    from learnfold.generate.planted.story import Story

FIRST, SECOND = f"{COURSE}-A1", f"{COURSE}-A2"
FILE = f"https://files.university.example/{FIRST}.pdf"


def tell(story: Story) -> None:
    """Points and right answers are such that every mean is exact in binary."""
    quiet, later = story.quiet, story.later
    happens = partial(story.happens, "assessment_topic", course_id=COURSE)
    essay = partial(happens, assignment_id=FIRST, assignment_type="essay")
    lab = partial(happens, assignment_id=SECOND, assignment_type="lab")
    essay(quiet, "08:00:00", "VIEW_ASSIGNMENT_FIRST_TIME", STUDENT)
    essay(later, "14:30:00", "SUBMIT_ASSIGNMENT", STUDENT, file_url=FILE)
    essay(later, "15:00:00", "EDIT_ASSIGNMENT", STUDENT, file_url=FILE)
    essay(later, "15:10:00", "DELETE_ASSIGNMENT", STUDENT)
    essay(later, "16:00:00", "SUBMIT_ASSIGNMENT", STUDENT, file_url=FILE)
    lab(quiet, "09:00:00", "VIEW_ASSIGNMENT_FIRST_TIME", STUDENT)
    lab(quiet, "10:15:00", "SUBMIT_ASSIGNMENT", STUDENT, file_url=FILE)
    essay(later, "17:00:00", "VIEW_STUDENT_WORK", TEACHER, student_id=STUDENT)
    essay(later, "17:05:00", "GRADE_ASSIGNMENT", TEACHER, student_id=STUDENT, score=80.0, feedback="Good.")
    essay(later, "17:06:00", "ASSIGNMENT_REOPENED", TEACHER, student_id=STUDENT, new_due_date=story.date(later))
    lab(later, "17:10:00", "VIEW_STUDENT_WORK", TEACHER, student_id=STUDENT)
    lab(later, "17:15:00", "GRADE_ASSIGNMENT", TEACHER, student_id=STUDENT, score=91.5)
    lab(later, "17:16:00", "ASSIGNMENT_PINNED", TEACHER)
    happens(quiet, "11:00:00", "QUIZ_COMPLETED", STUDENT, quiz_id=f"{COURSE}-Q1", correct_answers=7)
    happens(quiet, "11:30:00", "QUIZ_COMPLETED", STUDENT, quiz_id=f"{COURSE}-Q1", correct_answers=8)
    happens(later, "11:00:00", "QUIZ_COMPLETED", STUDENT, quiz_id=f"{COURSE}-Q2", correct_answers=9)

    student = {"user_id": STUDENT, "course_id": COURSE}
    hours = 24 * (later - quiet) + 6.5
    story.expect(
        "assessment_student_submissions",
        student,
        total_assignments_submitted=2,
        total_submissions=3,
        first_submission=story.time(quiet, "10:15:00"),
        last_submission=story.time(later, "16:00:00"),
    )
    story.expect(
        "assessment_engagement_timeline",
        student,
        assignments_completed=2,
        avg_hours_to_submit=(hours + 1.25) / 2,
        min_hours_to_submit=1.25,
        max_hours_to_submit=hours,
    )
    story.expect(
        "assessment_quiz_performance",
        student,
        total_quizzes_completed=3,
        avg_correct_answers=8.0,
        total_correct_answers=24,
        min_correct_answers=7,
        max_correct_answers=9,
    )
    story.expect(
        "assessment_grading_stats",
        {"student_id": STUDENT, "course_id": COURSE},
        total_assignments_graded=2,
        avg_assignment_score=85.75,
        min_assignment_score=80.0,
        max_assignment_score=91.5,
        total_assignment_score=171.5,
    )
    story.expect(
        "assessment_teacher_workload",
        {"user_id": TEACHER, "course_id": COURSE},
        total_works_viewed=2,
        total_assignments_graded=2,
        avg_score_given=85.75,
    )
    for day, kind, submissions in ((later, "essay", 2), (quiet, "lab", 1)):
        story.expect(
            "assessment_submission_distribution",
            {"date": story.date(day), "course_id": COURSE, "assignment_type": kind},
            submissions_count=submissions,
            unique_students=1,
        )
    story.expect(
        "assessment_student_overall_performance",
        student,
        quizzes_completed=3,
        avg_quiz_correct=8.0,
        assignments_graded=2,
        avg_assignment_score=85.75,
    )
