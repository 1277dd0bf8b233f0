"""Who asks: what a way of signing in says about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Caller:
    """Someone or something that asks."""

    label: str  # in the audit log; nothing by which a person is known
    roles: tuple[str, ...] = ()  # none: everything that ``views`` names, without rules
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # ``sub`` and others, by name
    views: tuple[str, ...] = ("*",)  # the views it is confined to, as patterns
    within: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by column, the values it is confined to
    frames: tuple[str, ...] = ()  # the origins whose pages may show its answers in a frame

    def confined_to(self, view: str) -> bool:
        """Whether the view is among those it may ask for at all."""
        return any(fnmatchcase(view, pattern) for pattern in self.views)

    @property
    def unconfined(self) -> bool:
        """Whether it may ask for every view."""
        return "*" in self.views and not self.within


ANYONE = Caller("open")
"""Who asks a server that was started with ``--open``."""
