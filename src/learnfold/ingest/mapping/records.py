"""Takes any JSON apart: an object, or an array of them, is a record; so are the rows of CSV and Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.ingest.mapping.item import Item, kind_of, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def items(document: object, unpack: Sequence[str]) -> Iterator[Item]:
    """The records of ``document`` in their order; what isn't an object carries its problem."""
    for element in document if isinstance(document, list) else (document,):
        record = unpacked(element, unpack)
        if isinstance(record, dict):
            yield Item(record, element)
        else:
            yield Item({}, element, f"{kind_of(record)} is no record")
