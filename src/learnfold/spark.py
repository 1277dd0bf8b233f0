"""Views as Spark's data frames."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from learnfold.batch.history import find_batch
from learnfold.catalog import load
from learnfold.errors import MissingDataError
from learnfold.settings import Settings
from learnfold.storage import open_storage

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read_view(spark: SparkSession, place: str | os.PathLike[str], view: str, batch: str | None = None) -> DataFrame:
    """The view's rows at ``place`` as of one batch (None: the published one): its columns, in order, with its types.

    Spark reads the batch's own files, which are never changed in place; on S3 it needs its s3a connector. Raises UsageError for no
    view, MissingDataError where the batch doesn't hold it.
    """
    url = os.fspath(place)
    known = load().view(view)
    out = open_storage(url, Settings.read(os.environ))
    manifest = find_batch(out, batch or "current")
    record = manifest.views.get(view)
    if record is None:
        raise MissingDataError(f"batch {manifest.batch} at {out.url} holds no {view}; 'learnfold run' makes it")
    root = out.url.replace("s3://", "s3a://", 1) if out.url.startswith("s3://") else f"file://{out.url}"
    return spark.read.parquet(*(f"{root}/{path}" for path in record.paths)).select(*(c.name for c in known.columns))
