"""Reads mapping files (TOML or JSON), learnfold's own and a user's, and says what is wrong in them by file and key.

A file may extend another mapping: its words are added to the other's, its places and fields stand in the place of those
with the same name, and its rules are asked first.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learnfold.errors import UsageError
from learnfold.ingest.mapping.roster import read_roster
from learnfold.ingest.mapping.rules import build

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from learnfold.ingest.mapping.model import Mapping

SUFFIX = ".toml"


@dataclass(frozen=True)
class MappingSource:
    """A file as it was parsed."""

    label: str  # for messages
    data: dict[str, Any]


def shipped() -> tuple[str, ...]:
    """The names of the mappings that come with learnfold."""
    return tuple(sorted(file.name.removesuffix(SUFFIX) for file in _folder().iterdir() if file.name.endswith(SUFFIX)))


def load(name: str) -> Mapping:
    """The mapping ``name``: one of learnfold's own, or a .toml or .json file; raises UsageError naming file and key.

    A part of a name that only one of them has is enough: ``tracking-log`` is ``openedx-tracking-log``.
    """
    if name in shipped():
        return _own(name)
    meant = [own for own in shipped() if name and name in own]
    if len(meant) == 1:
        return _own(meant[0])
    if not name.endswith((SUFFIX, ".json")):
        raise UsageError(f"there is no mapping {name!r}; {_choice()}, or give a .toml or .json file")
    return _mapping(MappingSource(name, _parsed(Path(name), name)))


def with_roster(mapping: Mapping, path: str | None) -> Mapping:
    """The mapping, by which events have the roles that a file says (None: there is no file)."""
    return mapping if path is None else replace(mapping, roster=read_roster(path))


@cache
def _own(name: str) -> Mapping:
    return _mapping(_source(name))


def _source(name: str) -> MappingSource:
    label = f"{name}{SUFFIX}"
    return MappingSource(label, _parsed(_folder() / label, label))


def _mapping(own: MappingSource) -> Mapping:
    chain = [own]
    while "extends" in chain[-1].data:
        base = chain[-1].data["extends"]
        if base not in shipped():
            raise UsageError(f"{chain[-1].label}: extends: there is no mapping {base!r}; {_choice()}")
        chain.append(_source(base))
    mapping, problems = build([(source.label, source.data) for source in chain])
    if problems:
        raise UsageError("\n".join(problems))
    return mapping


def _parsed(file: Path | Traversable, label: str) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
        data = json.loads(text) if label.endswith(".json") else tomllib.loads(text)
    except FileNotFoundError:
        raise UsageError(f"there is no mapping file {label}") from None
    except OSError as error:
        raise UsageError(f"{label} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # a syntax error of either kind, or not UTF-8
        raise UsageError(f"{label} is no mapping file: {error}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{label} is no mapping file: an object was expected")
    return data


def _choice() -> str:
    *others, last = shipped()
    return f"learnfold has {', '.join(others)} and {last}"


def _folder() -> Traversable:
    return resources.files("learnfold") / "ingest" / "mapping" / "mappings"
