"""The analytics as data: jobs, topics, rollups and views, read from the subjects' SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.catalog.cached import load
from learnfold.catalog.model import Catalog, Column, Field, Job, Pushdown, Rollup, Topic, View, digest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Catalog", "Column", "Field", "Job", "Pushdown", "Rollup", "Topic", "View", "digest", "load", "read"]


def read(scripts: Mapping[str, str]) -> Catalog:
    """The catalog that ``scripts`` (by subject, and ``event``) define; raises DefinitionError naming what breaks which rule."""
    from learnfold.catalog.parse import read as reading  # what reads SQL is loaded only when there is some to read

    return reading(scripts)
