"""Reading views from Python: from a place's files, or from a server, by the same call."""

from learnfold.client.read import read
from learnfold.client.rows import Rows

__all__ = ["Rows", "read"]
