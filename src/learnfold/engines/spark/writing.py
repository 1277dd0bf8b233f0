"""Writes what Spark computes to where it is wanted: Spark writes a folder of files below ``_staging``, which are moved when all are there."""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING

from learnfold.engines import OutputFile
from learnfold.engines.spark.errors import SPARK_ERRORS
from learnfold.engines.spark.files import as_pattern
from learnfold.engines.spark.footers import FooterReader
from learnfold.engines.spark.s3a import place
from learnfold.errors import BugError
from learnfold.storage.concurrency import map_concurrently
from learnfold.storage.out_layout import STAGING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyspark.sql import DataFrame

    from learnfold.engines.spark.session import Session
    from learnfold.storage import Entry, Storage

FILE_BYTES = 256 * 1024 * 1024
"""A view is cut into files of about this size, before compression."""

SMALL_BYTES = 8 * 1024 * 1024
"""Files of so much together are read by the driver for their digests."""

_MOST_BYTES = 1024 * 1024 * 1024
"""Spark reads a file of bytes whole: a larger one gets no digest."""

_WIDTHS = {"STRING": 24, "BINARY": 64, "DECIMAL": 16}


class Writer:
    """Writes rows into files of one storage."""

    def __init__(self, session: Session, out: Storage) -> None:
        self.session, self.footers, self.out = session, FooterReader(session), out

    def write(
        self,
        frame: DataFrame,
        name: str,
        path: Callable[[int, int], str],
        accept: Callable[[list[str], int], bool] | None = None,
    ) -> list[OutputFile]:
        """The files, one for each of Spark's, in order; ``path`` says where number ``n`` of ``count`` goes.

        ``name`` is unique; the staging folder is named after it. ``accept`` is asked before anything is moved, with the staged files'
        paths and the rows in them; where it says no, there are none.
        """
        staging = f"{STAGING}/{re.sub('[^0-9A-Za-z_-]', '-', name)}"
        try:
            frame.write.mode("error").parquet(place(self.out.url, staging))
            written = [entry for entry in self.out.list(staging) if entry.path.rsplit("/", 1)[-1].startswith("part-")]
            found = self.footers.footers([place(self.out.url, entry.path) for entry in written])
            if found.unreadable:
                raise BugError(f"Spark wrote files that it can't read: {found.unreadable}")
            rows = sum(footer.rows for footer in found.found.values())
            if accept is not None and not accept([entry.path for entry in written], rows):
                return []
            digests = self._digests(written)
            parts = [
                OutputFile(
                    path(number, len(written)),
                    found.found[place(self.out.url, entry.path)].rows,
                    entry.size,
                    digests.get(entry.path.rsplit("/", 1)[-1], ""),
                )
                for number, entry in enumerate(written)
            ]
            map_concurrently(
                lambda pair: self._move(*pair), list(zip(written, parts, strict=True)), self.out.max_concurrency
            )
            return parts
        finally:
            self._remove(staging)

    def _digests(self, written: Sequence[Entry]) -> dict[str, str]:
        """By name, the SHA-256 of each file: of small ones, which cost less than a job, worked out here, else where Spark works."""
        if sum(entry.size for entry in written) <= SMALL_BYTES:
            found = {entry.path: self.out.read(entry.path) for entry in written}
            return {path.rsplit("/", 1)[-1]: hashlib.sha256(data).hexdigest() for path, data in found.items() if data}
        files = [as_pattern(place(self.out.url, entry.path)) for entry in written if entry.size < _MOST_BYTES]
        if not files:
            return {}
        frame = self.session.spark.read.format("binaryFile").load(files)
        return {
            path.rsplit("/", 1)[-1]: digest for path, digest in frame.selectExpr("path", "sha2(content, 256)").collect()
        }

    def _move(self, entry: Entry, part: OutputFile) -> None:
        self.out.copy(entry.path, part.path)

    def _remove(self, folder: str) -> None:
        """Deletes a folder with all that Spark left in it; the folder above stays, since other runs may be making theirs."""
        path = self.session.jvm.org.apache.hadoop.fs.Path(place(self.out.url, folder))
        with contextlib.suppress(*SPARK_ERRORS):  # 'learnfold clean' removes it later
            path.getFileSystem(self.session.hadoop_conf()).delete(path, True)


def file_count(rows: int, types: list[str]) -> int:
    """Into how many files so many rows of these Spark types are best put."""
    width = sum(_WIDTHS.get(kind.partition("(")[0], 8) for kind in types)
    return max(1, -(-rows * width // FILE_BYTES))
