"""What is found out about a view's rows while they are written: how many they are, a digest of them, and which checks some break."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions

from learnfold.engines.spark.dialect import in_spark
from learnfold.engines.spark.schema import named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Column, DataFrame

    from learnfold.catalog import View

_EXAMPLES = 5
_HASH = "_hash"


class Exam:
    """The marks of one view's rows: those columns of one row that ``marks`` gives, over the rows of ``hashed``."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.checks = {check: in_spark(check) for check in view.checks}

    def hashed(self, answer: DataFrame) -> DataFrame:
        """The rows with a column more, a hash of each."""
        columns = ", ".join(f"{named(column.name)}, {named(column.name)} IS NULL" for column in self.view.columns)
        return answer.selectExpr("*", f"xxhash64({columns}) AS {_HASH}")

    def plain(self, hashed: DataFrame) -> DataFrame:
        """The rows without their hash."""
        return hashed.select(*(named(column.name) for column in self.view.columns))

    def marks(self) -> list[Column]:
        """The number of rows, the sums of both halves of their hashes, and by check how many rows break it."""
        bad = [f"count_if(NOT ({condition})) AS bad_{number}" for number, condition in enumerate(self.checks.values())]
        halves = [f"sum(shiftright({_HASH}, 32)) AS high", f"sum({_HASH} & 4294967295L) AS low"]
        return [functions.expr(mark) for mark in ("count(*) AS rows", *halves, *bad)]

    def marks_of(self, answer: DataFrame) -> Mapping[str, Any]:
        """The marks by name, worked out by a query of their own."""
        (found,) = self.hashed(answer).agg(*self.marks()).collect()
        return found.asDict()

    def broken(
        self, answer: DataFrame, marks: Mapping[str, Any], *, unique: bool
    ) -> dict[str, list[dict[str, object]]]:
        """By check that some rows break, a few of these; ``unique``: no key can come twice, so that isn't asked."""
        suspects = {}
        if not unique:
            again = answer.groupBy(*map(named, self.view.key)).agg(functions.expr("count(*) AS rows"))
            suspects[f"({', '.join(self.view.key)}) is unique"] = again.where("rows > 1")
        for number, (check, condition) in enumerate(self.checks.items()):
            if marks[f"bad_{number}"]:
                suspects[check] = answer.where(f"NOT ({condition})")
        found = {check: rows.limit(_EXAMPLES).collect() for check, rows in suspects.items()}
        return {check: [row.asDict() for row in rows] for check, rows in found.items() if rows}


def digest(marks: Mapping[str, Any]) -> str:
    """A digest of the rows in any order."""
    checksum = (marks["high"] << 32) + marks["low"] if marks["rows"] else None
    return "spark:" + hashlib.sha256(f"{marks['rows']} {checksum}".encode()).hexdigest()[:16]
