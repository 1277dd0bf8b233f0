"""Where learnfold keeps what is made or fetched once: jars, the catalog. All of it may be deleted at any time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def cache_folder(environment: Mapping[str, str]) -> Path:
    """The folder of what is fetched once: LEARNFOLD_CACHE, else ``learnfold`` in XDG_CACHE_HOME, else in ``~/.cache``."""
    chosen = environment.get("LEARNFOLD_CACHE")
    above = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen or Path(above) / "learnfold").absolute()
