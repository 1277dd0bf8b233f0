"""The learning platforms that may open this server's pages, by the access file's ``[lti]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from learnfold.errors import UsageError
from learnfold.serve.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ROLES = {"Instructor": "teacher", "Learner": "student"}
"""What roles in a course are called here, unless ``[lti] roles`` says otherwise."""

_LTI = {"address", "roles", "platforms"}
_TEXTS = ("issuer", "client_id", "login", "keys")
_PLATFORM = {*_TEXTS, "deployments", "frames", "user", "courses", "people"}
_USER = re.compile(r"sub|custom\.[^.]+|lis\.person_sourcedid")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_LOCAL = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Platform:
    """One platform, as it is registered here and this server there."""

    issuer: str
    client_id: str  # this server's name there
    deployments: frozenset[str]
    login: str  # where it says who asks
    keys: str  # where its public keys are
    frames: tuple[str, ...]  # the origins whose pages may show ours in a frame
    user: str = "sub"  # the claim that holds the id that events know a person by
    courses: Roster | None = None  # its courses' ids, and what events call them; None: the same
    people: Roster | None = None

    def course_ids(self, course: str) -> tuple[str, ...]:
        """What events call a course of the platform."""
        return (course,) if self.courses is None else self.courses.of(course)

    def person_ids(self, person: str) -> tuple[str, ...]:
        """What events call a person of the platform."""
        return (person,) if self.people is None else self.people.of(person)


@dataclass(frozen=True)
class Platforms:
    """All that are registered."""

    address: str  # this server's own, as browsers know it
    known: tuple[Platform, ...]
    roles: Mapping[str, str]  # a role in a course, and what rules call it

    @property
    def frames(self) -> tuple[str, ...]:
        """The origins that may show a page which is about nobody."""
        return tuple(sorted({origin for platform in self.known for origin in platform.frames}))


def read_platforms(value: Any, where: str, folder: Path) -> Platforms:
    """What ``[lti]`` says; raises UsageError naming what is wrong in it."""
    only_known(value, _LTI, where)
    address = value.get("address")
    if not isinstance(address, str) or not is_web_address(address):
        raise UsageError(f"{where} needs address, under which browsers know this server: an https address")
    roles = value.get("roles", ROLES)
    if not isinstance(roles, dict) or not roles or not all(isinstance(role, str) and role for role in roles.values()):
        raise UsageError(f'{where}: roles is a table such as {{ Instructor = "teacher", Learner = "student" }}')
    entries = value.get("platforms")
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{where} needs platforms: [[lti.platforms]], one of each")
    known = tuple(_platform(entry, f"{where}: platform {n}", folder) for n, entry in enumerate(entries, 1))
    if len({(one.issuer, one.client_id) for one in known}) < len(known):
        raise UsageError(f"{where}: an issuer has the same client_id twice; one entry can have several deployments")
    return Platforms(address.rstrip("/"), known, roles)


def _platform(entry: Any, where: str, folder: Path) -> Platform:
    only_known(entry, _PLATFORM, where)
    for name in _TEXTS:
        if not isinstance(entry.get(name), str) or not entry[name]:
            raise UsageError(f"{where} needs {name}, a text")
    for name in ("issuer", "login", "keys"):
        if not is_web_address(entry[name]):
            raise UsageError(f"{where}: {name} {entry[name]} isn't an https address")
    deployments = _texts(entry.get("deployments"), f"{where} needs deployments, a list of texts")
    frames = _texts(entry.get("frames", [_origin(entry["issuer"])]), f"{where}: frames isn't a list of texts")
    for origin in frames:
        if not is_web_address(origin) or origin != _origin(origin) or not _HOST.fullmatch(urlsplit(origin).netloc):
            raise UsageError(f"{where}: frames: {origin} isn't an origin, such as https://moodle.example")
    user = entry.get("user", "sub")
    if not isinstance(user, str) or not _USER.fullmatch(user):
        raise UsageError(f"{where}: user is sub, lis.person_sourcedid or custom.NAME")
    courses, people = (Roster(folder / str(entry[name])) if name in entry else None for name in ("courses", "people"))
    issuer, client, login, keys = (entry[name] for name in _TEXTS)
    return Platform(issuer, client, frozenset(deployments), login, keys, frames, user, courses, people)


def _texts(value: Any, wrong: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise UsageError(wrong)
    return tuple(value)


def is_web_address(text: str) -> bool:
    """Whether it is an https address, or one of this machine."""
    try:
        parts = urlsplit(text)
        local = parts.hostname in _LOCAL
    except ValueError:
        return False
    return bool(parts.netloc) and parts.scheme in ({"https", "http"} if local else {"https"})


def only_known(value: Any, known: set[str], where: str) -> None:
    """Raises UsageError where a table of the file holds a name that means nothing."""
    if not isinstance(value, dict):
        raise UsageError(f"{where} isn't a table")
    for name in value:
        if name not in known:
            raise UsageError(f"{where}: {name} means nothing here; what does is {', '.join(sorted(known))}")


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
