"""The analytics as data: jobs, topics, rollups and views, read from the subjects' SQL."""

from learnfold.catalog.kept import load
from learnfold.catalog.model import Catalog, Column, Field, Job, Rollup, Slice, Topic, View, digest
from learnfold.catalog.reading import read

__all__ = ["Catalog", "Column", "Field", "Job", "Rollup", "Slice", "Topic", "View", "digest", "load", "read"]
