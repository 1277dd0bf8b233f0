"""What is done on this machine, whichever engine runs the batches: comparing views, and finding and removing a person's traces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    import duckdb

    from learnfold.privacy.person import Person
    from learnfold.settings import Settings


@dataclass
class RowChange:
    """One row that differs."""

    what: str  # added, removed or changed
    key: dict[str, Any]
    columns: dict[str, tuple[Any, Any]]  # before and after; of a changed row only what changed


@dataclass
class RowDifference:
    """How many rows differ between two states of a view, and a few of them."""

    rows_before: int = 0
    rows_after: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0
    changed_columns: dict[str, int] = field(default_factory=dict)  # rows in which each differs
    columns_only_before: list[str] = field(default_factory=list)
    columns_only_after: list[str] = field(default_factory=list)
    examples: list[RowChange] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether there is no difference in rows or columns."""
        return not (self.added or self.removed or self.changed or self.columns_only_before or self.columns_only_after)


@dataclass
class Traces:
    """What one Parquet file holds of a person."""

    rows: int = 0  # all rows of the file
    theirs: int = 0  # events that are the person's: these go
    mentions: dict[str, int] = field(
        default_factory=dict
    )  # other events that name the person, by column: the name goes

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return bool(self.theirs or self.mentions)


def runs_here(settings: Settings) -> bool:
    """Whether the engine that the settings name runs in this process, and so reaches this machine's folders."""
    return settings.engine == "duckdb"


class Workbench:
    """SQL in this process, over local Parquet files; closed as a context manager."""

    def __init__(self, settings: Settings) -> None:
        from learnfold.engines.duckdb.engine import DuckDBEngine
        from learnfold.storage.folder import FolderStorage

        nowhere = FolderStorage(".")
        self._engine = DuckDBEngine(settings, nowhere, nowhere)
        self._person: Person | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.close()

    def compare(
        self, key: Sequence[str], before: Sequence[str], after: Sequence[str], examples: int = 3
    ) -> RowDifference:
        """How the rows of ``after`` differ from those of ``before``, matched by ``key`` (NULLs are equal)."""
        from learnfold.engines.duckdb.difference import compare
        from learnfold.engines.duckdb.engine import translate_errors

        with translate_errors():
            return compare(self._engine.connection, key, before, after, examples)

    def traces(self, person: Person, files: Sequence[str]) -> tuple[dict[str, Traces], dict[str, str]]:
        """What each file holds of the person, and the files that can't be read as Parquet, with why."""
        from learnfold.engines.duckdb.engine import translate_errors
        from learnfold.privacy.parquet import traces

        with translate_errors():
            return traces(self._knowing(person), person, files)

    def rewrite(
        self, person: Person, source: str, target: Path, known: Traces, keep: Sequence[str] | None = None
    ) -> int:
        """Writes ``source``, of which ``known`` was found, without the person to ``target``; returns the rows left.

        All else stays: the other rows in their order, columns, types, key-value metadata and codec. ``keep``: of a quarantine
        file, only rows whose ``file`` is one of these. Raises DataError where a file can't be written as it was.
        """
        from learnfold.engines.duckdb.engine import translate_errors
        from learnfold.privacy.parquet import rewrite

        with translate_errors():
            return rewrite(self._knowing(person), person, source, target, known, keep)

    def _knowing(self, person: Person) -> duckdb.DuckDBPyConnection:
        """The connection, taught how this person is told."""
        from learnfold.privacy.parquet import teach

        if self._person != person:
            teach(self._engine.connection, person)
            self._person = person
        return self._engine.connection
