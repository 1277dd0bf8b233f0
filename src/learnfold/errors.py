"""What can go wrong, one class for each reaction it asks of the user.

The exit code is on the class: 1 the job failed, 2 it was asked wrongly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.addresses import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class LearnfoldError(Exception):
    """The root: a message that says what, where, and what to do; passwords and keys in addresses aren't shown."""

    exit_code = 1

    def __init__(self, *words: object) -> None:
        super().__init__(*(without_secrets(word) if isinstance(word, str) else word for word in words))


class UsageError(LearnfoldError):
    """Mend the command or the setting."""

    exit_code = 2


class DefinitionError(LearnfoldError):
    """Mend a subject's SQL: a definition breaks the rules."""


class DataError(LearnfoldError):
    """Mend the data: a file can't be read, a check failed."""


class MissingDataError(DataError):
    """The input isn't there (yet): run ingestion, or mend the path."""


class DamagedError(DataError):
    """Make again: files below OUT aren't what learnfold wrote. ``paths`` are they, each with what is wrong with it."""

    def __init__(self, message: str, paths: Mapping[str, str]) -> None:
        super().__init__(message)
        self.paths = dict(paths)


class ShrunkError(DataError):
    """Events that the last batch held are gone from the master dataset."""


class CheckError(DataError):
    """A view broke one of its checks; nothing was published. ``broken`` names the checks, by view."""

    def __init__(self, message: str, broken: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.broken = {view: list(checks) for view, checks in (broken or {}).items()}


class StorageError(LearnfoldError):
    """Retry, or mend access: a disk or server refused or failed."""


class ConflictError(StorageError):
    """Retry: someone else wrote first."""


class BusyError(LearnfoldError):
    """Wait: another run holds what this one needs."""


class MissingPartError(LearnfoldError):
    """Install an optional part (an extra, a JDK, Maven)."""


def how_to_install(extra: str = "") -> str:
    """What to type for learnfold's own needs, or those of an extra; no package index has learnfold."""
    what = f"'.[{extra}]'" if extra else "."
    return f"pip install {what} (in the clone; of a wheel: its path in place of the dot)"


class BugError(LearnfoldError):
    """Report it: learnfold contradicts itself."""
