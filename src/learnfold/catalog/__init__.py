"""The analytics as data: jobs, topics, rollups and views, read from the subjects' SQL."""

from learnfold.catalog.load import load, read
from learnfold.catalog.model import Catalog, Column, Field, Job, Rollup, Slice, Topic, View, digest

__all__ = ["Catalog", "Column", "Field", "Job", "Rollup", "Slice", "Topic", "View", "digest", "load", "read"]
