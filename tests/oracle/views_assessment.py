"""The views of assessment_topic."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from oracle.view import distinct, every, largest, mean, of_type, smallest, total, view

if TYPE_CHECKING:
    from oracle.events import Event
    from oracle.view import Events, Row

HOUR = timedelta(hours=1)


MOST_PERCENT = 1e15


def mean_share(events: list[Event], part: str, whole: str) -> float | None:
    """The mean percentage of those that say both, each at most 1e15; None without any."""
    both = [event for event in events if event[part] is not None and event[whole] is not None]
    return mean([{"share": min(100.0 * event[part] / event[whole], MOST_PERCENT)} for event in both], "share")


@view("user_id", "course_id", of=every("assessment_topic", "SUBMIT_ASSIGNMENT"))
def assessment_student_submissions(submissions: list[Event]) -> Row:
    """A user's SUBMIT_ASSIGNMENTs in a course, resubmissions too."""
    return {
        "total_assignments_submitted": distinct(submissions, "assignment_id"),
        "total_submissions": len(submissions),
        "first_submission": smallest(submissions, "timestamp"),
        "last_submission": largest(submissions, "timestamp"),
    }


def pairs(events: Events) -> list[Event]:
    """A user's assignments that count: from the earliest view to the earliest submission, if not negative.

    Each is under the course of its earliest view; of several at that instant, the smallest course, None first.
    """
    parts = defaultdict(list)
    for event in events["assessment_topic"]:
        if event["assignment_id"] is not None:
            parts[event["user_id"], event["assignment_id"]].append(event)
    counted = []
    for (user_id, _), pair in parts.items():
        views = of_type(pair, "VIEW_ASSIGNMENT_FIRST_TIME")
        viewed, submitted = smallest(views, "timestamp"), smallest(of_type(pair, "SUBMIT_ASSIGNMENT"), "timestamp")
        if viewed is not None and submitted is not None and viewed <= submitted:
            courses = [event["course_id"] for event in views if event["timestamp"] == viewed]
            course_id = None if None in courses else min(courses)
            counted.append({"user_id": user_id, "course_id": course_id, "hours": (submitted - viewed) / HOUR})
    return counted


@view("user_id", "course_id", of=pairs)
def assessment_engagement_timeline(counted: list[Event]) -> Row:
    """A user's pairs that count; a user and course without one have no row."""
    return {
        "assignments_completed": len(counted),
        "avg_hours_to_submit": mean(counted, "hours"),
        "min_hours_to_submit": smallest(counted, "hours"),
        "max_hours_to_submit": largest(counted, "hours"),
    }


@view("user_id", "course_id", of=every("assessment_topic", "QUIZ_COMPLETED"))
def assessment_quiz_performance(quizzes: list[Event]) -> Row:
    """A user's QUIZ_COMPLETEDs in a course."""
    return {
        "total_quizzes_completed": len(quizzes),
        "avg_correct_answers": mean(quizzes, "correct_answers"),
        "total_correct_answers": total(quizzes, "correct_answers"),
        "min_correct_answers": smallest(quizzes, "correct_answers"),
        "max_correct_answers": largest(quizzes, "correct_answers"),
        "avg_correct_percentage": mean_share(quizzes, "correct_answers", "question_count"),
    }


@view("student_id", "course_id", of=every("assessment_topic", "GRADE_ASSIGNMENT"))
def assessment_grading_stats(grades: list[Event]) -> Row:
    """The GRADE_ASSIGNMENTs a student got in a course."""
    return {
        "total_assignments_graded": len(grades),
        "avg_assignment_score": mean(grades, "score"),
        "min_assignment_score": smallest(grades, "score"),
        "max_assignment_score": largest(grades, "score"),
        "total_assignment_score": total(grades, "score"),
        "avg_score_percentage": mean_share(grades, "score", "max_score"),
    }


def others_work(events: Events) -> list[Event]:
    """What is viewed and graded of another's work: the own isn't a teacher's."""
    seen = of_type(events["assessment_topic"], "VIEW_STUDENT_WORK", "GRADE_ASSIGNMENT")
    return [event for event in seen if event["student_id"] != event["user_id"]]


@view("user_id", "course_id", of=others_work)
def assessment_teacher_workload(events: list[Event]) -> Row:
    """What a grader viewed and graded of others in a course, whatever their role says."""
    grades = of_type(events, "GRADE_ASSIGNMENT")
    return {
        "total_works_viewed": len(of_type(events, "VIEW_STUDENT_WORK")),
        "total_assignments_graded": len(grades),
        "avg_score_given": mean(grades, "score"),
    }


@view("date", "course_id", "assignment_type", of=every("assessment_topic", "SUBMIT_ASSIGNMENT"))
def assessment_submission_distribution(submissions: list[Event]) -> Row:
    """A day's SUBMIT_ASSIGNMENTs in a course, of one assignment type."""
    return {"submissions_count": len(submissions), "unique_students": distinct(submissions, "user_id")}


def results(events: Events) -> list[Event]:
    """Quizzes and grades, each with the student as its user_id: of a grade that's the one graded, if it says whom."""
    quizzes = of_type(events["assessment_topic"], "QUIZ_COMPLETED")
    grades = of_type(events["assessment_topic"], "GRADE_ASSIGNMENT")
    return quizzes + [grade | {"user_id": grade["student_id"]} for grade in grades]


@view("user_id", "course_id", of=results)
def assessment_student_overall_performance(events: list[Event]) -> Row:
    """A student's quizzes and the grades they got, in a course."""
    quizzes, grades = of_type(events, "QUIZ_COMPLETED"), of_type(events, "GRADE_ASSIGNMENT")
    return {
        "quizzes_completed": len(quizzes),
        "avg_quiz_correct": mean(quizzes, "correct_answers"),
        "assignments_graded": len(grades),
        "avg_assignment_score": mean(grades, "score"),
        "avg_score_percentage": mean_share(grades, "score", "max_score"),
    }
