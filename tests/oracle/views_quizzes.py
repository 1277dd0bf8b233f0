"""The views of single quizzes and questions: how hard each is."""

from __future__ import annotations

import math
from statistics import correlation
from typing import TYPE_CHECKING

from oracle.view import distinct, given, grouped, of_type, rate, view, whole

if TYPE_CHECKING:
    from oracle.events import Event
    from oracle.view import Events, Row

LEAST_PAIRS = 10
RIGHT, WRONG = ("true", "1"), ("false", "0")


def tries(events: Events) -> list[Event]:
    """Completed quizzes that have an id, each with its share of right answers (None: not said)."""
    done = [event for event in of_type(events["assessment_topic"], "QUIZ_COMPLETED") if event["quiz_id"] is not None]
    found = []
    for some in grouped(done, "course_id", "quiz_id").values():
        size = max(given(some, "question_count"), default=None) or max(given(some, "correct_answers"), default=None)
        for event in some:
            questions = event["question_count"] or size
            known = event["correct_answers"] is not None and questions
            found.append(event | {"share": min(1.0, event["correct_answers"] / questions) if known else None})
    return found


def mean(values: list[float]) -> float | None:
    """Of some numbers; None of none."""
    return math.fsum(values) / len(values) if values else None


def best_elsewhere(person: Event, people: list[Event]) -> float | None:
    """The mean of someone's best shares in the course's other quizzes; None without any."""
    others = [
        other["best"]
        for other in people
        if (other["user_id"], other["course_id"]) == (person["user_id"], person["course_id"])
        and other["quiz_id"] != person["quiz_id"]
    ]
    return mean([best for best in others if best is not None])


def people_of(events: Events) -> list[Event]:
    """Each person's tries of a quiz: how many, the first and the best share."""
    people = []
    for (user_id, course_id, quiz_id), mine in grouped(tries(events), "user_id", "course_id", "quiz_id").items():
        shares = sorted((event["timestamp"], event["share"]) for event in mine if event["share"] is not None)
        people.append(
            {
                "user_id": user_id,
                "course_id": course_id,
                "quiz_id": quiz_id,
                "tries": len(mine),
                "first": shares[0][1] if shares else None,
                "best": max((share for _, share in shares), default=None),
            }
        )
    return people


@whole("course_id", "quiz_id")
def assessment_quiz_difficulty(events: Events, _: str) -> list[Row]:
    """What people get right of each quiz."""
    people, rows = people_of(events), []
    for (course_id, quiz_id), some in grouped(people, "course_id", "quiz_id").items():
        first, best = mean(given(some, "first")), mean(given(some, "best"))
        pairs = [(one["best"], best_elsewhere(one, people)) for one in some if one["best"] is not None]
        known = [(mine, others) for mine, others in pairs if others is not None]
        rows.append(
            {
                "course_id": course_id,
                "quiz_id": quiz_id,
                "students": len(some),
                "first_try_percentage": None if first is None else 100.0 * first,
                "best_try_percentage": None if best is None else 100.0 * best,
                "mean_attempts": sum(one["tries"] for one in some) / len(some),
                "discrimination": correlated(known),
            }
        )
    return rows


def correlated(pairs: list[tuple[float, float]]) -> float | None:
    """Pearson's; None of fewer than ten, or where all are alike to 1e-12."""
    mine, others = ([round(pair[side], 12) for pair in pairs] for side in (0, 1))
    if len(pairs) < LEAST_PAIRS or len(set(mine)) == 1 or len(set(others)) == 1:
        return None
    return correlation(mine, others)


def answered(events: Events) -> list[Event]:
    """Answers to questions that have an id, each with whether it is right (None: not known)."""
    return [
        event | {"right": is_right(event)}
        for event in of_type(events["assessment_topic"], "QUESTION_ANSWERED")
        if event["question_id"] is not None
    ]


def is_right(event: Event) -> bool | None:
    """As it says, else by its points."""
    said = (event["is_correct"] or "").lower()
    if said in RIGHT + WRONG:
        return said in RIGHT
    if event["score"] is None or event["max_score"] is None:
        return None
    return bool(event["score"] >= event["max_score"])


@view("course_id", "quiz_id", "question_id", of=answered)
def assessment_question_difficulty(answers: list[Event]) -> Row:
    """What people get right of one question; of answers at one instant a right one counts as the first."""
    known = [event for event in answers if event["right"] is not None]
    firsts = [min((e["timestamp"], not e["right"]) for e in mine) for mine in grouped(known, "user_id").values()]
    return {
        "answers": len(answers),
        "unique_students": distinct(answers, "user_id"),
        "correct_percentage": rate(sum(event["right"] for event in known), len(known)),
        "first_try_percentage": rate(sum(not wrong for _, wrong in firsts), len(firsts)),
    }
