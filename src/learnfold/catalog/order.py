"""In which order subjects are read: one that reads another's tables comes after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from learnfold.catalog import rules
from learnfold.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def in_order(statements: Mapping[str, Sequence[exp.Create]]) -> list[str]:
    """The subjects' names, each behind those whose topics, rollups or views it reads, else as they were given.

    Raises:
        DefinitionError: subjects read each other in a circle.
    """
    writers: dict[str, str] = {}
    for job, script in statements.items():
        for statement in script:
            writers.setdefault(_defined(statement), job)
    reads = {
        job: {writers[name] for one in script for name in _read(one) if name in writers} - {job}
        for job, script in statements.items()
    }
    found: list[str] = []
    while len(found) < len(statements):
        ready = next((job for job in statements if job not in found and reads[job] <= set(found)), None)
        if ready is None:
            left = [job for job in statements if job not in found]
            raise DefinitionError(f"the subjects {', '.join(left)} read each other in a circle; one must come first")
        found.append(ready)
    return found


def _defined(statement: exp.Create) -> str:
    table = statement.find(exp.Table)
    return table.name if table else ""


def _read(statement: exp.Create) -> set[str]:
    return rules.sources(statement.expression) if isinstance(statement.expression, exp.Query) else set()
