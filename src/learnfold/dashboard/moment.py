"""The one moment that a page is of: a batch and, where the server follows live state, what came since, the same for all of its views.

Live numbers of several views are of one moment only where all are named before the first is read. What a page asks is known once it
was made, so each is made of the batch first, and from then on of the batch with what came since.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from learnfold.dashboard.asking import UnforeseenError
from learnfold.serve.live import STALE_SECONDS
from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from learnfold.dashboard.asking import Ask
    from learnfold.serve.live import Live

T = TypeVar("T")

LIVE = ("on", "off", "follow")
"""What ``live`` in a page's address may be: with what came since the batch, without, or followed by its script."""


@dataclass(frozen=True)
class Moments:
    """Makes pages, each of one moment, and remembers what each asks."""

    _views: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def make(self, page: tuple[str, str], ask: Ask, live: Live | None, made: Callable[[Ask], T]) -> T:
        """What ``made`` gives, asked of one moment; ``page``: its route and the view that it is about, if it is about one."""
        if live is None:
            return made(ask)
        known = self._views.get(page, frozenset())
        while True:
            if known:
                try:
                    with _pinned(ask, live, known) as pinned:
                        return made(pinned)
                except UnforeseenError as more:
                    known |= {more.view}
            batch = _again(ask)
            with suppress(Problem):  # what isn't in the batch may have come since
                made(batch)
            known |= batch.asked.keys()
            if not known:
                return made(ask)
            self._views[page] = known


@contextmanager
def _pinned(ask: Ask, live: Live, known: frozenset[str]) -> Iterator[Ask]:
    probe = _again(ask)  # makes tables of other forms, which a transaction that has begun wouldn't see
    found = [one for name in sorted(known) if (one := probe.view(name)) is not None]
    views = [view for view, grant in found if live.answers(ask.base, view, grant.form)]
    if not views:
        yield _again(ask)
        return
    with live.pinned(ask.base, views) as both:
        yield replace(_again(ask), both=both, foreseen=known)


def _again(ask: Ask) -> Ask:
    return replace(ask, asked={}, _answers={})


def read_live(query: Mapping[str, str]) -> str:
    """What the address says of live numbers; raises Problem where that is nothing it can say."""
    named = query.get("live") or "on"
    if named not in LIVE:
        raise Problem("bad_value", f"live is {named[:40]!r}", "it can be on, off or follow")
    return named


@dataclass(frozen=True)
class Since:
    """What a page says of live numbers."""

    wanted: bool  # False: the address asks for the batch alone
    live: tuple[str, ...] = ()  # the views of the page that count what came since
    batch_only: tuple[str, ...] = ()  # those that can't, or not for who asks
    at: str = ""  # until when all is in, as ISO 8601
    age_seconds: float = 0.0

    @property
    def stale(self) -> bool:
        """Whether the numbers know of nothing younger for longer than they should."""
        return self.age_seconds > STALE_SECONDS


def since(ask: Ask, *, wanted: bool) -> Since | None:
    """What to say of a page once it was made; None where it asked nothing that is ever live."""
    if not wanted:
        return Since(wanted=False)
    if not ask.asked:
        return None
    rest = tuple(sorted(ask.asked.keys() - set(ask.live)))
    if ask.both is None or not ask.live:
        return Since(wanted=True, batch_only=rest)
    until = ask.both.progress.complete_until
    at = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Since(True, tuple(sorted(ask.live)), rest, at, max(time.time() - until, 0.0))
