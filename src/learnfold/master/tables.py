"""Folders that are tables of Delta, Iceberg or Hudi: their files alone aren't their content, so they are refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOGS = {"_delta_log": "Delta", "metadata": "Iceberg", ".hoodie": "Hudi"}
"""The folder that a table keeps its log in."""

LOGS = tuple(_LOGS)


def table_roots(paths: Iterable[str]) -> dict[str, str]:
    """The folders that are tables, by the paths of all files there: what kind each is of."""
    roots = {}
    for path in paths:
        for log, kind in _LOGS.items():
            if log in path:
                folders = path.split("/")[:-1]
                if log in folders and (kind != "Iceberg" or path.endswith(".metadata.json")):
                    roots["/".join(folders[: folders.index(log)])] = kind
    return roots


def refuse_table(path: str, roots: dict[str, str], url: str) -> None:
    """Raises DataError for a file that lies in a table."""
    for root, kind in roots.items():
        if not root or path.startswith(f"{root}/"):
            raise DataError(
                f"{url}{'/' if root else ''}{root} is a table of {kind}: its files hold what was deleted from it or written again, too. "
                f"Read it with an engine that knows {kind}, write its rows as plain Parquet, and take these"
            )
