"""The shipped catalog, kept once it was read: reading and checking the subjects' SQL is half of what a run with nothing to do costs."""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from contextlib import suppress
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.cache import cache_folder
from learnfold.catalog.jobs import COMMON, JOBS
from learnfold.catalog.model import Catalog

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable


@cache
def load() -> Catalog:
    """The catalog of the subjects that learnfold ships; read once a process, and once for all where there is a cache folder."""
    package = resources.files("learnfold")
    scripts = {name: (package / "subjects" / f"{name}.sql").read_text("utf-8") for name in (COMMON, *JOBS)}
    place = _place(scripts, package / "catalog")
    catalog = _kept(place) if place else None
    if catalog is None:
        from learnfold.catalog.parse import read

        catalog = read(scripts)
        if place:
            _keep(catalog, place)
    return catalog


def _place(scripts: Mapping[str, str], code: Traversable) -> Path | None:
    """Where the catalog of these scripts is kept, named after all that it depends on; None where nothing can be."""
    try:
        about = [sys.version, _installed("sqlglot"), *scripts.values()]
        about += [file.read_text("utf-8") for file in sorted(code.iterdir(), key=str) if file.name.endswith(".py")]
        return (
            cache_folder(os.environ) / f"catalog-{hashlib.sha256(chr(0).join(about).encode()).hexdigest()[:32]}.pickle"
        )
    except (OSError, RuntimeError):  # in a zip, or without a home
        return None


def _installed(package: str) -> str:
    """What changes when another version of the package is installed; asking for the version itself takes a tenth of a run's start."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(package)
    found = Path(spec.origin).stat()
    return f"{spec.origin} {found.st_size} {found.st_mtime_ns}"


def _kept(place: Path) -> Catalog | None:
    """What is kept there, if it is whole and this user's own."""
    try:
        if place.stat().st_uid != os.getuid():
            return None
        found = pickle.loads(place.read_bytes())  # noqa: S301 - this user's own file
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the catalog is read anew
        return None
    return found if isinstance(found, Catalog) else None


def _keep(catalog: Catalog, place: Path) -> None:
    unfinished = place.with_name(f"{place.name}.{os.getpid()}")
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(pickle.dumps(catalog))
        unfinished.replace(place)
