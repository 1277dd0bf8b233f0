"""Addresses of pages: every state is one, and what someone chose (language, theme, batch, role) goes along."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlencode

if TYPE_CHECKING:
    from collections.abc import Sequence

CARRIED = ("lang", "theme", "batch", "as", "live")
"""Parameters that every link takes along."""

_AWKWARD = re.compile(r"[%/\\\x00-\x1f\x7f]|^\.{1,2}$")


def part(value: str) -> str:
    """An id as a part of a path: what would end the part, or be taken away by a browser, is written twice over."""
    return quote(_AWKWARD.sub(lambda found: "".join(f"%{ord(one):02X}" for one in found[0]), value), safe="")


def from_part(text: str) -> str:
    """The id that such a part, decoded once by the server, stands for."""
    return unquote(text)


@dataclass(frozen=True)
class Links:
    """The links of one page."""

    path: str  # of the page itself
    query: tuple[tuple[str, str], ...]

    def to(self, path: str, *parts: str, **query: object) -> str:
        """The address of a page: ``to("/c/{}", course)``; what is None is left out."""
        carried = [(name, value) for name, value in self.query if name in CARRIED and name not in query]
        return _address(path.format(*map(part, parts)), [*_pairs(query), *carried])

    def here(self, **query: object) -> str:
        """The page itself with some of its parameters changed; those that are None go, and so does the place in a list."""
        changed = {name.replace("__", "."): value for name, value in query.items()}
        kept = [(name, value) for name, value in self.query if name not in {*changed, "after"}]
        return _address(self.path, [*kept, *_pairs(changed)])

    def without(self, name: str, value: str) -> str:
        """The page itself without one of its parameters."""
        return _address(self.path, [pair for pair in self.query if pair != (name, value) and pair[0] != "after"])

    def of(self, name: str) -> str | None:
        """The first value of one of the page's parameters."""
        return next((value for key, value in self.query if key == name), None)

    @property
    def events(self) -> str:
        """The stream that says when the page's numbers moved, to whoever sees the page."""
        return _address("/v1/events", [(name, value) for name, value in self.query if name == "as"][:1])

    def hidden(self, *names: str) -> list[tuple[str, str]]:
        """What a form of this page must send along, ``names`` aside."""
        return [pair for pair in self.query if pair[0] not in {*names, "after"}]


def _pairs(query: dict[str, object]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if isinstance(value, list | tuple):
            pairs += [(name, str(one)) for one in value]
        elif value is not None and value != "":
            pairs.append((name, str(value)))
    return pairs


def _address(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path
