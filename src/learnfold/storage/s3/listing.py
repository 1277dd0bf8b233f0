"""What is below a folder of a bucket."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import obstore

from learnfold.storage.concurrency import map_concurrently

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import S3Store

PAGES_IN_A_ROW = 10
"""Pages of a thousand objects that are requested one after the other, before a folder's folders are listed side by side."""


def objects_below(
    store: S3Store, prefix: str, max_concurrency: int, pages_in_a_row: int = PAGES_IN_A_ROW
) -> list[ObjectMeta]:
    """Every object below ``prefix`` (empty: all), in any order."""
    found: list[ObjectMeta] = []
    todo = [prefix]
    while todo:
        first = map_concurrently(partial(_first_pages, store, pages_in_a_row), todo, max_concurrency)
        found += itertools.chain.from_iterable(objects for objects, whole in first if whole)
        large = [folder for folder, (_, whole) in zip(todo, first, strict=True) if not whole]
        levels = map_concurrently(
            lambda folder: obstore.list_with_delimiter(store, folder or None), large, max_concurrency
        )
        found += itertools.chain.from_iterable(level["objects"] for level in levels)
        todo = [folder for level in levels for folder in level["common_prefixes"]]
    return found


def _first_pages(store: S3Store, pages_in_a_row: int, prefix: str) -> tuple[list[ObjectMeta], bool]:
    """The objects of the first pages, and whether these are all."""
    pages = obstore.list(store, prefix or None, chunk_size=1000)
    objects = [about for page in itertools.islice(pages, pages_in_a_row) for about in page]
    return objects, next(pages, None) is None
