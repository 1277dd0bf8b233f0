"""The file that says who may see what: ways of signing in, and rules, as data (TOML).

A rule grants a role the rows of some views whose ``column`` is one of the caller's ``claim``, or of what a ``roster`` says of the
caller; or all rows. What no rule grants is denied.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learnfold.errors import UsageError
from learnfold.serve.forms import PLAIN, Form, can_withhold
from learnfold.serve.platforms import Platforms, only_known, read_platforms
from learnfold.serve.roster import Roster
from learnfold.storage.stored_types import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.catalog import Catalog, View
    from learnfold.serve.callers import Caller

LEAST_KEY_BYTES = 32


@dataclass(frozen=True)
class Rule:
    """What a role may see."""

    role: str
    views: tuple[str, ...]  # patterns
    column: str | None = None  # None: all rows
    claim: str | None = None
    roster: Roster | None = None
    form: Form = PLAIN
    older_batches: bool = False

    def fits(self, view: View) -> bool:
        """Whether it grants anything of the view: the view has its column, and can be shown in its form."""
        if not any(fnmatchcase(view.name, pattern) for pattern in self.views):
            return False
        if self.column is not None and self.column not in {column.name for column in view.columns}:
            return False
        return not self.form.least_people or can_withhold(view)

    def values(self, caller: Caller) -> tuple[str, ...]:
        """The values of its column that the caller may see."""
        if self.roster is not None:
            return tuple(value for subject in caller.claims.get("sub", ()) for value in self.roster.of(subject))
        return caller.claims.get(self.claim or "", ())


@dataclass(frozen=True)
class AccessFile:
    """What such a file says."""

    rules: tuple[Rule, ...] = ()
    oidc: Mapping[str, Any] = field(default_factory=dict, repr=False)  # what ``[oidc]`` says; empty: nothing
    proxy: Mapping[str, Any] = field(default_factory=dict)  # ``addresses``, ``user``, ``roles``; empty: none
    operators: frozenset[str] = frozenset()  # the roles that may see how the platform runs
    lti: Platforms | None = None  # the learning platforms that open this server's pages

    @property
    def roles(self) -> set[str]:
        """The roles that it has rules for."""
        return {rule.role for rule in self.rules}


_TOP = {"rules", "oidc", "proxy", "lti", "pseudonym_key", "operators"}
_KNOWN = {"role", "views", "column", "claim", "roster", "rows", "pseudonyms", "least_people", "older_batches"}
_OIDC = {"issuer", "audience", "roles", "client_id", "client_secret", "address"}
_PROXY = {"addresses", "user", "roles"}


def read_access(path: str, catalog: Catalog) -> AccessFile:
    """What the file says; raises UsageError naming what is wrong in it."""
    try:
        value = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}; docs/serving.md shows such a file") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} isn't TOML: {error}") from error
    try:
        return _access(value, path, catalog)
    except UNREADABLE as error:
        raise UsageError(
            f"{path} holds something else than it should ({error!r}); docs/serving.md shows such a file"
        ) from error


def _access(value: dict[str, Any], path: str, catalog: Catalog) -> AccessFile:
    place = Path(path)
    only_known(value, _TOP, path)
    oidc, proxy = value.get("oidc", {}), value.get("proxy", {})
    only_known(oidc, _OIDC, f"{path}: [oidc]")
    only_known(proxy, _PROXY, f"{path}: [proxy]")
    for name in ("issuer", "audience") if oidc else ():
        if not isinstance(oidc.get(name), str) or not oidc[name]:
            raise UsageError(f"{path}: [oidc] needs {name}, a text")
    if "client_id" in oidc and not (isinstance(oidc["client_id"], str) and isinstance(oidc.get("address"), str)):
        raise UsageError(f"{path}: [oidc] with client_id needs address, under which browsers know this server")
    if "client_secret" in oidc:
        oidc = {**oidc, "client_secret": _secret(place.parent / str(oidc["client_secret"]))}
    key = _key(place.parent / value["pseudonym_key"]) if "pseudonym_key" in value else None
    rules = [
        _rule(entry, f"{path}: rule {n}", place.parent, key, catalog)
        for n, entry in enumerate(value.get("rules", []), 1)
    ]
    operators = value.get("operators", [])
    if not isinstance(operators, list) or not all(isinstance(role, str) and role for role in operators):
        raise UsageError(f"{path}: operators isn't a list of roles")
    lti = read_platforms(value["lti"], f"{path}: [lti]", place.parent) if "lti" in value else None
    return AccessFile(tuple(rules), oidc, proxy, frozenset(operators), lti)


def _rule(entry: dict[str, Any], where: str, folder: Path, key: bytes | None, catalog: Catalog) -> Rule:
    only_known(entry, _KNOWN, where)
    role, views = entry.get("role"), entry.get("views")
    if (
        not isinstance(role, str)
        or not role
        or not isinstance(views, list)
        or not all(isinstance(v, str) for v in views)
    ):
        raise UsageError(f"{where} needs a role, a text, and views, a list of texts")
    column, least = entry.get("column"), entry.get("least_people", 0)
    if (column is None) == (entry.get("rows") != "all") or (column is not None) != (
        ("claim" in entry) != ("roster" in entry)
    ):
        raise UsageError(f'{where} needs a column with a claim or a roster, or rows = "all"')
    if not isinstance(least, int) or isinstance(least, bool) or (least and least < 2):  # noqa: PLR2004
        raise UsageError(f"{where}: least_people is {least!r}; it can be 2 or more")
    if entry.get("pseudonyms") and (key is None or least):
        raise UsageError(f"{where}: pseudonyms need pseudonym_key, a file of random bytes, and no least_people")
    if least and entry.get("older_batches"):
        raise UsageError(
            f"{where}: least_people needs older_batches left out: what one batch withholds, an older one may show"
        )
    rule = Rule(
        role,
        tuple(views),
        column,
        entry.get("claim"),
        Roster(folder / entry["roster"]) if "roster" in entry else None,
        Form(key if entry.get("pseudonyms") else None, least),
        bool(entry.get("older_batches", False)),
    )
    for pattern in views:
        if not any(fnmatchcase(name, pattern) for name in catalog.views):
            raise UsageError(f"{where}: no view is called {pattern}")
    fitting = [view for view in catalog.views.values() if rule.fits(view)]
    if not fitting:
        raise UsageError(f"{where} grants nothing: none of its views has {column or 'a count of people'}")
    persons = {c.name for view in fitting for c in view.columns if c.names != "nobody"}
    if rule.form.pseudonym_key and column in persons:
        raise UsageError(f"{where}: {column} has pseudonyms, so that no claim can be compared with it")
    return rule


def _secret(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"[oidc] client_secret: {path} can't be read; it is a file that holds the secret") from error


def _key(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except OSError as error:
        raise UsageError(f"pseudonym_key: {path} can't be read: {error.strerror}") from error
    if len(key) < LEAST_KEY_BYTES:
        raise UsageError(f"pseudonym_key: {path} has {len(key)} bytes; make one: head -c 32 /dev/urandom > {path}")
    return key
