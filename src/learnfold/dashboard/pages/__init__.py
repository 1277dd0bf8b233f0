"""The pages, each by its address: a function of a visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.dashboard.pages.assignments import assignments
from learnfold.dashboard.pages.compare import compare
from learnfold.dashboard.pages.course import course
from learnfold.dashboard.pages.define import define
from learnfold.dashboard.pages.explain import explain
from learnfold.dashboard.pages.explore import explore, views
from learnfold.dashboard.pages.forum import forum
from learnfold.dashboard.pages.health import health
from learnfold.dashboard.pages.home import home
from learnfold.dashboard.pages.left_out import left_out
from learnfold.dashboard.pages.mail import mail
from learnfold.dashboard.pages.material import material
from learnfold.dashboard.pages.messages import messages
from learnfold.dashboard.pages.quizzes import quizzes
from learnfold.dashboard.pages.run import run
from learnfold.dashboard.pages.student import student
from learnfold.dashboard.pages.students import students
from learnfold.dashboard.pages.video import video
from learnfold.dashboard.pages.videos import videos

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnfold.dashboard.visit import Elsewhere, Shown, Visit

PAGES: dict[str, Callable[[Visit], Shown | Elsewhere]] = {
    "/": home,
    "/c/{course}": course,
    "/c/{course}/students": students,
    "/c/{course}/s/{student}": student,
    "/c/{course}/videos": videos,
    "/c/{course}/videos/{video}": video,
    "/c/{course}/assignments": assignments,
    "/c/{course}/quizzes": quizzes,
    "/c/{course}/material": material,
    "/c/{course}/messages": messages,
    "/c/{course}/forum": forum,
    "/c/{course}/mail": mail,
    "/compare": compare,
    "/explore": views,
    "/explore/{view}": explore,
    "/define": define,
    "/explain/{view}/{column}": explain,
    "/health": health,
    "/runs/{batch}": run,
    "/left-out": left_out,
}
"""Every page; ``site`` makes routes of them, and the tests go through them all."""

OF_THE_BATCH = {"/c/{course}/mail"}
"""Pages that show what is sent: of the batch alone, whatever came since."""
