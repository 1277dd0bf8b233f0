"""One look at a page: who looks, at what, in which language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learnfold.dashboard.table import Sort
from learnfold.serve.explain import freshness
from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.dashboard.asking import Ask
    from learnfold.dashboard.history import History
    from learnfold.dashboard.links import Links
    from learnfold.dashboard.moment import Since
    from learnfold.dashboard.words import Words


@dataclass(frozen=True)
class Visit:
    """What a page is made from."""

    ask: Ask
    words: Words
    links: Links
    path: Mapping[str, str]  # the parts of the address that the route names, as ids
    query: Mapping[str, str]  # of each parameter the first value
    history: History
    operates: bool  # whether who looks may see how the platform runs
    since: Since | None = None  # what is said of live numbers, once the page is made; None: nothing

    @property
    def batch(self) -> str:
        """The batch that all numbers are of."""
        return self.ask.base.batch

    def sort(self, known: Sequence[str], default: str) -> Sort:
        """By what the page's list is sorted: ``sort`` and ``dir`` of the address, else ``default`` (``-name``: largest first)."""
        named = self.query.get("sort", "")
        if named in known:
            return Sort(named, self.query.get("dir") == "desc")
        return Sort(default.lstrip("-"), default.startswith("-"))

    def fresh(self) -> dict[str, Any]:
        """How far the batch reaches, of the topics that who looks may know of."""
        topics: dict[str, bool] = {}
        access, manifest = self.ask.access, self.ask.base.manifest
        for view in access.catalog.views.values():
            grant = access.grant(self.ask.caller, view, self.ask.role)
            if grant is not None and view.name in manifest.views:
                for topic in view.topics:
                    topics[topic.name] = topics.get(topic.name, False) or not grant.form.least_people
        return freshness(manifest, topics)


@dataclass(frozen=True)
class Shown:
    """A page before it is written: its template and what the template is given."""

    template: str
    title: str
    values: dict[str, Any] = field(default_factory=dict)
    course: str | None = None  # that it is about
    section: str = ""  # where it stands in the navigation


@dataclass(frozen=True)
class Elsewhere:
    """Another address, of these pages."""

    address: str


def nothing(detail: str) -> Problem:
    """404: there is no such thing, or it isn't for who asks."""
    return Problem("not_found", detail)
