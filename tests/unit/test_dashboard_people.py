"""Who looks sees what is theirs, on every page there is: a table of role by route, made from the routes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from dashboards import addresses, enter, folded, shown
from rules_of_access import ANALYST, STUDENT, TEACHER, of_groups
from small_place import Place

from learnfold.dashboard.pages import PAGES
from learnfold.dashboard.signing import local
from learnfold.serve.callers import ANYONE
from learnfold.serve.forms import pseudonym
from learnfold.serve.sessions import COOKIE, MOST, Sessions
from learnfold.serve.tokens import add_token, new_token, revoke

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Client

ACCESS = "\n".join(['pseudonym_key = "key"\noperators = ["operator"]', STUDENT, TEACHER, ANALYST, of_groups("head")])

KEY = bytes(range(32))
MINE, OTHER = [f"mine-{n}" for n in range(7)], [f"secretperson-{n}" for n in range(4)]
ROLES: dict[str, dict[str, tuple[str, ...]]] = {
    "student": {"sub": (MINE[0],)},
    "teacher": {"courses": ("minecourse",)},
    "analyst": {},
    "head": {},
    "operator": {},
}
OPERATORS = {"/health", "/runs/{batch}", "/left-out"}


class Asked:
    """A dashboard, and the header of each role's caller."""

    def __init__(self, client: Client, root: Path, batch: str) -> None:
        self.client, self.root, self.batch = client, root, batch
        self.texts: dict[str, str] = {}

    def get(self, role: str, address: str, **more: Any) -> Any:
        """What the role is answered."""
        return self.client.get(address, headers={"authorization": f"Bearer {self.texts[role]}"}, **more)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Two courses: one of seven, one of four whom nobody else may see; and an older batch."""
    place = Place(tmp_path_factory.mktemp("people"))
    enter(place, "minecourse", MINE)
    enter(place, "secretcourse", OTHER)
    folded(place)
    older = re.findall(r"\d{8}T\d{6}-[0-9a-f]{8}", place.storage.read("_batches/current.json").decode())[0]
    enter(place, "minecourse", MINE, first=7)
    folded(place)
    (place.root / "key").write_bytes(KEY)
    (place.root / "access.toml").write_text(ACCESS)
    texts = {}
    for role, claims in ROLES.items():
        texts[role], token = new_token(role, None, role=role, claims=claims)
        add_token(place.root / "tokens.json", token)
    texts["program"], token = new_token("program", None)
    add_token(place.root / "tokens.json", token)
    with shown(
        place.out, open=False, tokens=str(place.root / "tokens.json"), access=str(place.root / "access.toml")
    ) as client:
        found = Asked(client, place.root, older)
        found.texts = texts
        yield found


def of(asked: Asked, course: str, student: str) -> dict[str, str]:
    """Every page's address, of one course and student."""
    return addresses(course, student, f"{course}-v", asked.batch)


@pytest.mark.parametrize("route", PAGES)
def test_a_stranger_is_sent_to_sign_in_and_told_nothing(asked: Asked, route: str) -> None:
    """Whatever is asked for; and comes back to it afterwards."""
    found = asked.client.get(of(asked, "secretcourse", OTHER[0])[route])
    assert found.status_code == 303
    assert found.headers["location"].startswith("/sign-in?to=")
    assert found.content == b""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", PAGES)
def test_each_role_sees_on_each_page_what_its_rules_grant(asked: Asked, route: str, role: str) -> None:
    """A course that isn't theirs is a 404; others' names stand nowhere; how the platform runs is for operators."""
    for course, student in (("minecourse", MINE[0]), ("secretcourse", OTHER[0])):
        found = asked.get(role, of(asked, course, student)[route])
        said = found.text.replace(of(asked, course, student)[route], "")
        if route in OPERATORS:
            assert found.status_code == (200 if role == "operator" else 404)
        if role in {"student", "teacher", "operator"}:
            if route.startswith("/c/") and course == "secretcourse":
                assert found.status_code == 404
            assert not re.search("secretperson-|secretcourse-v|secretcourse-m", said)
        if role in {"student", "operator"}:
            others = [name for name in MINE[1:] if name in said]
            assert not others
        if role == "operator" and route.startswith(("/c/", "/explore/", "/explain")):
            assert found.status_code == 404
        if role in {"analyst", "head"}:
            assert not re.search(r"secretperson-\d|mine-\d", said.replace(student, ""))
        if role == "student" and route == "/c/{course}" and course == "minecourse":
            assert found.status_code == 303
            assert found.headers["location"] == f"/c/minecourse/s/{MINE[0]}"


def test_a_teacher_sees_their_course_and_an_analyst_pseudonyms(asked: Asked) -> None:
    """So that the test before isn't true of empty pages."""
    assert MINE[3] in asked.get("teacher", "/c/minecourse/students").text
    found = asked.get("analyst", "/c/secretcourse/students").text
    assert pseudonym(KEY, OTHER[0]) in found
    assert "pseudonyms" in found
    assert asked.get("student", f"/c/minecourse/s/{MINE[0]}").status_code == 200
    assert asked.get("student", f"/c/minecourse/s/{MINE[1]}").status_code == 404


def test_numbers_of_four_people_are_withheld_and_of_seven_rounded(asked: Asked) -> None:
    """For who may see groups of five; totals stand rounded, so that they don't give the four away."""
    found = asked.get("head", "/").text
    rows = dict(
        re.findall(r'<a href="/c/(\w+)">\w+</a></bdi></th><td class="num" data-label="Students">([^<]*)<', found)
    )
    assert rows in ({"minecourse": "5", "secretcourse": "–"}, {"minecourse": "–", "secretcourse": "–"})
    assert "fewer than 5" in found
    exported = asked.get("head", "/v1/views/course_overall_metrics/export?format=csv").text
    assert ",4," not in exported


@pytest.mark.parametrize("role", ["student", "teacher", "analyst", "head"])
def test_an_older_batch_is_for_those_whose_rules_say_so(asked: Asked, role: str) -> None:
    """Nobody here; a program with a token of all rows may."""
    for route, address in of(asked, "minecourse", MINE[0]).items():
        found = asked.get(role, f"{address}{'&' if '?' in address else '?'}batch={asked.batch}")
        if route.startswith(("/c/", "/explore/", "/explain")):
            assert found.status_code == 404, route
        assert not re.search(r"mine-\d", found.text.replace(MINE[0], ""))
    told = asked.get("program", f"/c/minecourse?batch={asked.batch}")
    assert told.status_code == 200
    assert f"batch={asked.batch}" in told.text


def sign_in(asked: Asked, token: str, to: str = "/", **headers: str) -> Any:
    """Sends the form."""
    sent = {"content-type": "application/x-www-form-urlencoded", "origin": "http://localhost", **headers}
    return asked.client.ask("POST", "/sign-in", content=f"to={to}&token={token}", headers=sent)


def test_signing_in_gives_a_session_that_no_script_reads(asked: Asked) -> None:
    """Its cookie opens pages and exports by the same rules; signing out ends it; a name that was set before isn't taken."""
    found = sign_in(asked, asked.texts["teacher"], "/c/minecourse")
    assert (found.status_code, found.headers["location"]) == (303, "/c/minecourse")
    cookie = found.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    name = re.match(rf"{COOKIE}=([^;]+)", cookie)[1]
    with_it = {"cookie": f"{COOKIE}={name}"}
    assert asked.client.get("/c/minecourse", headers=with_it).status_code == 200
    assert asked.client.get("/c/secretcourse", headers=with_it).status_code == 404
    assert "secret" not in asked.client.get("/v1/views/video_popularity/export?format=csv", headers=with_it).text
    again = sign_in(asked, asked.texts["teacher"], cookie=f"{COOKIE}={name}")
    assert asked.client.get("/", headers=with_it).status_code == 303, "the session before has ended"
    other = {"cookie": again.headers["set-cookie"].partition(";")[0]}
    assert other["cookie"] != with_it["cookie"]
    form = {"content-type": "application/x-www-form-urlencoded", "origin": "http://localhost", **other}
    assert asked.client.ask("POST", "/sign-out", content="", headers=form).status_code == 303
    assert asked.client.get("/", headers=other).status_code == 303


def test_elsewhere_than_on_this_machine_the_cookie_needs_tls(asked: Asked) -> None:
    """``Secure``, by the name that the browser asked."""
    assert "Secure" not in sign_in(asked, asked.texts["teacher"]).headers["set-cookie"]
    found = sign_in(asked, asked.texts["teacher"], host="views.example", origin="https://views.example")
    assert "Secure" in found.headers["set-cookie"]


def test_what_isn_t_known_or_comes_from_another_page_doesn_t_sign_in(asked: Asked) -> None:
    """A token that is wrong, a form of another site, a body that is no form."""
    assert sign_in(asked, "lf_wrong").status_code == 401
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        found = sign_in(asked, asked.texts["teacher"], **headers)
        assert (found.status_code, "set-cookie" in found.headers) == (403, False)
    assert sign_in(asked, asked.texts["teacher"], **{"content-type": "text/plain"}).status_code == 415


def test_another_site_s_page_signs_nobody_out(asked: Asked) -> None:
    """Neither by a form nor by an address that it names: the session goes on."""
    cookie = {"cookie": sign_in(asked, asked.texts["teacher"]).headers["set-cookie"].partition(";")[0]}
    form = {"content-type": "application/x-www-form-urlencoded", **cookie}
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        found = asked.client.ask("POST", "/sign-out", content="", headers={**form, **headers})
        assert (found.status_code, "set-cookie" in found.headers) == (403, False)
    assert asked.client.get("/sign-out", headers=cookie).status_code == 405
    assert asked.client.get("/c/minecourse", headers=cookie).status_code == 200


def test_a_token_that_is_taken_back_ends_its_sessions(asked: Asked) -> None:
    """At once for who signs in, within a second for who did."""
    text, token = new_token("gone", None, role="teacher", claims={"courses": ("minecourse",)})
    add_token(asked.root / "tokens.json", token)
    asked.client.opened.sign_in.tokens.look_seconds = 0
    cookie = {"cookie": sign_in(asked, text).headers["set-cookie"].partition(";")[0]}
    assert asked.client.get("/c/minecourse", headers=cookie).status_code == 200
    revoke(asked.root / "tokens.json", "gone")
    assert asked.client.get("/c/minecourse", headers=cookie).status_code == 303


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "//evil.example/x",
        "/\\evil.example",
        "\\\\evil",
        "javascript:alert(1)",
        "c/x",
        "",
        "/\t/evil.example",
    ],
)
def test_nobody_is_sent_to_another_site_after_signing_in(address: str) -> None:
    """An address that isn't ours is the first page."""
    assert local(address) == "/"
    assert local("/c/CS101?lang=vi&to=//x") == "/c/CS101?lang=vi&to=//x"


@pytest.mark.slow
def test_a_session_ends_after_its_time_and_the_oldest_when_there_are_too_many() -> None:
    """Whatever is done in it."""
    now = [0.0]
    sessions = Sessions(10, lambda: now[0])
    name = sessions.begin(lambda: ANYONE)
    now[0] = 9.9
    assert sessions.caller(name) == ANYONE
    now[0] = 10.0
    assert sessions.caller(name) is None
    first = sessions.begin(lambda: ANYONE)
    for _ in range(MOST):
        sessions.begin(lambda: ANYONE)
    assert sessions.caller(first) is None
    assert sessions.caller("other") is None


def test_the_log_names_the_pages_the_views_and_nobody(asked: Asked) -> None:
    """One line a page: its route, the views that were asked, rows of which role; no address, no id."""
    asked.client.said.clear()
    asked.get("teacher", f"/c/minecourse/s/{MINE[2]}")
    (line,) = [line for line in asked.client.said if line.startswith("request")]
    assert "route=/c/{course}/s/{student}" in line
    assert "caller=token:teacher role=teacher" in line
    assert "course_material_access" in line
    assert MINE[2] not in line
    assert "minecourse" not in line
