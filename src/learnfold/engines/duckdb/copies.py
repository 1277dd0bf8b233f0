"""What a fold does about files that break while they are read: readable copies in their place, or it goes on without them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from learnfold.engines.duckdb import decode
from learnfold.engines.duckdb.footers import DUCKDB_ERRORS, brief
from learnfold.engines.duckdb.mended import mend, rows_in
from learnfold.storage.scratch import Scratch, scratch

if TYPE_CHECKING:
    from learnfold.engines.duckdb.footers import FileSchema, Footers
    from learnfold.engines.event_source import EventSource
    from learnfold.settings import Settings


class Copies:
    """Readable copies of some of the files that ``found`` holds; ``close`` removes them."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, found: Footers, settings: Settings) -> None:
        self._cursor, self._found, self._settings = cursor, found, settings
        self._scratch: Scratch | None = None

    def close(self) -> None:
        """Removes the copies."""
        if self._scratch is not None:
            self._scratch.cleanup()

    def mend(self, source: EventSource) -> bool:
        """Puts copies in place of the files that break alone, and moves those to the unreadable ones that break then too.

        True where anything changed. A file of which all is read that the fold needs, is left as it is where no copy is better.
        """
        changed, broken = False, {}
        for shape, file in [(shape, file) for shape, files in self._found.shapes.items() for file in files]:
            needed = self._error(source, shape, file)
            if needed is None and self._whole_error(shape, file) is None:
                continue
            copy = self._copy(shape, file)
            if copy is not None and self._better(source, *copy):
                self._found.replace(file, *copy)
                changed = True
            elif needed is not None:
                broken[file] = brief(needed, file)
        self._found.leave_out(broken)
        return changed or bool(broken)

    def _copy(self, shape: FileSchema, file: str) -> tuple[str, FileSchema] | None:
        self._scratch = self._scratch or scratch(self._settings.temporary_folder)
        if Path(file).parent == self._scratch.path:
            return None  # it is one
        try:
            return mend(self._cursor, file, shape, self._scratch.path)
        except ValueError:
            return None

    def _better(self, source: EventSource, copy: str, shape: FileSchema) -> bool:
        self._found.paths = {**self._found.paths, copy: ""}
        return self._error(source, shape, copy) is None and self._whole_error(shape, copy) is None

    def _error(self, source: EventSource, shape: FileSchema, file: str) -> Exception | None:
        """What DuckDB says when it reads a file's events alone; None: nothing."""
        rows = decode.rows_of(source.topic, self._found, shape, [file])
        return self._fails(decode.select_from(source.topic, shape, rows, source.fields))

    def _whole_error(self, shape: FileSchema, file: str) -> Exception | None:
        """The same of all its columns."""
        return self._fails(f"SELECT * FROM {rows_in([file], shape)}")

    def _fails(self, select: str) -> Exception | None:
        try:
            self._cursor.execute(f"SELECT bit_xor(hash(one)) FROM ({select}) AS one").fetchall()
        except duckdb.OutOfMemoryException:
            raise
        except DUCKDB_ERRORS as error:
            return error
        return None
