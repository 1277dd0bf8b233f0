"""The shipped catalog, cached once it was read: reading and checking the subjects' SQL is half of what a run with nothing to do costs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.cache import cache_folder
from learnfold.catalog.jobs import scripts
from learnfold.catalog.stored import as_data, from_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.catalog.model import Catalog

_KEPT = 5
"""Catalogs that stay cached: of the clones and versions in use."""

_LONG_SECONDS = 24 * 3600
_CACHED = re.compile(r"catalog-[0-9a-f]{32}\.json(\.\d+)?")


@cache
def load() -> Catalog:
    """The catalog of the subjects that learnfold ships; read once a process, and once for all where there is a cache folder."""
    texts = scripts()
    place = _place(texts, Path(__file__).parent)
    catalog = _read_cache(place) if place else None
    if catalog is None:
        from learnfold.catalog.parse import read

        catalog = read(texts)
        if place:
            _write_cache(catalog, place)
    return catalog


def _place(texts: Mapping[str, str], code: Path) -> Path | None:
    """Where the catalog of these scripts is cached, named after all that it depends on; None where nothing can be."""
    if not code.is_dir():  # in a zip
        return None
    try:
        about = [sys.version, _installed("sqlglot"), *texts.values()]
        about += [file.read_text("utf-8") for file in sorted(code.glob("*.py"))]
        return cache_folder(os.environ) / f"catalog-{hashlib.sha256(chr(0).join(about).encode()).hexdigest()[:32]}.json"
    except (OSError, RuntimeError):  # without a home
        return None


def _installed(package: str) -> str:
    """What changes when another version of the package is installed; asking for the version itself takes a tenth of a run's start."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(package)
    found = Path(spec.origin).stat()
    return f"{spec.origin} {found.st_size} {found.st_mtime_ns}"


def _read_cache(place: Path) -> Catalog | None:
    """What is cached there, if it is whole and this user's own."""
    try:
        if place.stat().st_uid != os.getuid():
            return None
        digest, _, text = place.read_bytes().partition(b"\n")
        return from_data(json.loads(text)) if digest == _digest(text) else None
    except (OSError, ValueError, TypeError, KeyError):  # whatever is wrong with it, the catalog is read again
        return None


def _write_cache(catalog: Catalog, place: Path) -> None:
    unfinished = place.with_name(f"{place.name}.{os.getpid()}")
    text = json.dumps(as_data(catalog), separators=(",", ":")).encode()
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(_digest(text) + b"\n" + text)
        unfinished.replace(place)
        _remove_old(place)


def _remove_old(place: Path) -> None:
    """Leaves the newest few of the catalogs that are cached beside this one, and no writer's of long ago.

    Whoever still needs one that went reads the scripts again, and caches it again.
    """
    found = [(file.stat().st_mtime, file) for file in place.parent.iterdir() if _CACHED.fullmatch(file.name)]
    whole = sorted((one for one in found if one[1].suffix == ".json"), reverse=True)
    torn = [one for one in found if one[1].suffix != ".json" and one[0] < time.time() - _LONG_SECONDS]
    for _, file in [*whole[_KEPT:], *torn]:
        if file != place:
            file.unlink(missing_ok=True)


def _digest(text: bytes) -> bytes:
    """What the first line of the file says of the second, so that a torn or flipped one isn't believed."""
    return hashlib.sha256(text).hexdigest().encode()
