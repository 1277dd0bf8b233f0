"""learnfold: batch views of learning events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learnfold.client import read

__version__ = "0.1.0"
__all__ = ["__version__", "read"]


def __getattr__(name: str) -> Any:
    """``read``, loaded when it is first asked for, so that the command's help needs no DuckDB."""
    if name == "read":
        from learnfold.client import read

        return read
    raise AttributeError(f"module 'learnfold' has no attribute {name!r}")
