"""What the folders of a file's path say of its events: ``…/course_id=c1/region=eu/x.parquet``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

SOURCES = ("cluster", "source", "region", "generation")
"""Folders that name the cluster, or its generation, whose partitions and offsets the file's rows have."""

_NONE = {"", "__HIVE_DEFAULT_PARTITION__"}


def values_in_path(path: str, names: Collection[str]) -> dict[str, str]:
    """By name the values that the folders of ``path`` say, percent-encoding undone; none where a folder says there is none."""
    found = (folder.partition("=") for folder in path.split("/")[:-1] if "=" in folder)
    return {name: unquote(value) for name, _, value in found if name in names and value not in _NONE}


def folder_names(paths: Iterable[str]) -> set[str]:
    """What stands before ``=`` in the folders of the paths."""
    return {folder.partition("=")[0] for path in paths for folder in path.split("/")[:-1] if "=" in folder}


def source_in_path(path: str) -> str | None:
    """The cluster and generation that the folders of ``path`` name; None where they name none."""
    said = values_in_path(path, SOURCES)
    return "/".join(f"{name}={value}" for name, value in said.items()) or None
