"""The subjects there are: one script each in ``subjects/``, found by its file's name. Nothing else lists them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.errors import DefinitionError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

COMMON = "event"
"""The script whose one table holds the columns of every topic; it is no subject."""

ORDER = re.compile(r"-- order: (\d+)\s*")
"""A line of a script's title that says where the subject stands among the others."""

_SUFFIX = ".sql"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def scripts(folder: Traversable | None = None) -> dict[str, str]:
    """The text of every script by its name: ``event`` first, then the subjects in the order in which they run and are listed.

    That is by the number in the title's ``-- order: N`` line; those without one come behind, by name. A subject that reads
    another's rollups or views comes after it in the catalogue, whatever the numbers say. ``folder``: another than the shipped one.

    Raises:
        DefinitionError: a script's name can't be a subject's, or there is no event.sql.
    """
    folder = _shipped() if folder is None else folder
    found = {}
    for file in folder.iterdir():
        if file.name.lower().endswith(_SUFFIX):
            name = file.name.removesuffix(_SUFFIX)
            if not _NAME.fullmatch(name):
                raise DefinitionError(
                    f"subjects/{file.name} can't be a subject: name it with small letters, digits and _, and .sql behind"
                )
            found[name] = file.read_text("utf-8")
    if COMMON not in found:
        raise DefinitionError(f"subjects/{COMMON}{_SUFFIX} isn't there; it holds the columns of every topic")
    return {name: found[name] for name in sorted(found, key=lambda name: (name != COMMON, _place(found[name]), name))}


def job_names(folder: Traversable | None = None) -> tuple[str, ...]:
    """The names of the subjects, in order: enough to refuse a misspelt one before any SQL is read."""
    return tuple(name for name in scripts(folder) if name != COMMON)


def _shipped() -> Traversable:
    beside = Path(__file__).parent.parent / "subjects"
    if beside.is_dir():
        return beside
    from importlib import resources  # in a zip; importing it takes longer than reading the scripts

    return resources.files("learnfold") / "subjects"


def _place(script: str) -> float:
    title = script.partition("\n\n")[0]
    found = next(filter(None, map(ORDER.fullmatch, title.splitlines())), None)
    return int(found[1]) if found else float("inf")
