"""A made-up semester of a university: realistic events, the same for the same seed, with a truth to check views against."""

from learnfold.generate.messages import messages
from learnfold.generate.semester import Limits, Semester
from learnfold.generate.write import TRUTH, Generated, Shape, generate

__all__ = ["TRUTH", "Generated", "Limits", "Semester", "Shape", "generate", "messages"]
