"""Opened from a learning platform by LTI 1.3: who it says comes sees their course alone; nothing that is forged opens anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from dashboards import addresses, enter, folded, shown
from joserfc import jwt
from joserfc.jwk import RSAKey
from launching_platform import ADDRESS, LEARNER, ROLE, Platform, registered
from small_place import Place

from learnfold import catalog
from learnfold.dashboard.launching import BROWSER
from learnfold.errors import UsageError
from learnfold.serve.launch import KEYS, LAUNCH, LOGIN
from learnfold.serve.pending import SECONDS, Pending
from learnfold.serve.rules import read_access
from learnfold.serve.sessions import IN_FRAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Client

FORM = {"content-type": "application/x-www-form-urlencoded"}

RULES = """
operators = ["teacher"]
[[rules]]
role = "teacher"
views = ["*"]
rows = "all"
[[rules]]
role = "student"
views = ["*"]
column = "user_id"
claim = "sub"
"""
"""The rules let a teacher see all: what confines one who comes from a course is the launch alone."""


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """One platform."""
    found = Platform()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two courses."""
    found = Place(tmp_path_factory.mktemp("launch"))
    enter(found, "mine", ["mine-0", "mine-1"])
    enter(found, "other", ["other-0", "other-1"])
    return folded(found)


@pytest.fixture(scope="module")
def client(platform: Platform, place: Place) -> Iterator[Client]:
    """Their dashboard, which the platform may open."""
    access = place.root / "access.toml"
    access.write_text(RULES.replace("[[rules]]", registered(platform) + "[[rules]]", 1))
    with shown(place.out, open=False, access=str(access)) as found:
        yield found


def begin(client: Client, said: dict[str, str], method: str = "POST") -> tuple[dict[str, str], str]:
    """What the browser is sent to the platform with, and its cookie."""
    about = {"content": urlencode(said), "headers": FORM} if method == "POST" else {"params": said}
    found = client.ask(method, LOGIN, **about)
    assert found.status_code == 303, found.text
    cookie = found.headers["set-cookie"]
    assert cookie.startswith(BROWSER)
    for part in ("HttpOnly", "Secure", "SameSite=None", "Partitioned"):
        assert part in cookie.split("; ")
    assert found.headers["location"].startswith(f"{said['iss']}/auth?x=1&")
    return dict(parse_qsl(urlsplit(found.headers["location"]).query)), cookie.partition(";")[0]


def come(client: Client, token: str, state: str, cookie: str, **headers: str) -> Any:
    """The platform sends the browser back, as a form of its page."""
    sent = {**FORM, "origin": "https://platform.example", "sec-fetch-site": "cross-site", "cookie": cookie, **headers}
    return client.ask("POST", LAUNCH, content=urlencode({"id_token": token, "state": state}), headers=sent)


def launched(client: Client, platform: Platform, **more: Any) -> Any:
    """What answers a launch from its beginning, of which the platform says ``more``."""
    asked, cookie = begin(client, platform.begins())
    return come(client, platform.signed(platform.says(asked, **more)), asked["state"], cookie)


def session(found: Any) -> dict[str, str]:
    """The header of the session that began."""
    assert found.status_code == 303, found.text
    (cookie,) = [one for one in found.headers.get_list("set-cookie") if one.startswith(IN_FRAME)]
    assert cookie.split("; ")[2:] == ["Path=/", "HttpOnly", "Secure", "SameSite=None", "Partitioned"]
    return {"cookie": cookie.partition(";")[0]}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_the_platform_is_asked(client: Client, platform: Platform, method: str) -> None:
    """A token for us, by a form, with its own hints; state, nonce and cookie never come twice."""
    asked, cookie = begin(client, platform.begins(), method)
    expected = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}
    expected |= {"client_id": "ours", "redirect_uri": ADDRESS + LAUNCH, "login_hint": "17", "lti_message_hint": "m"}
    assert asked == expected | {"x": "1", "state": asked["state"], "nonce": asked["nonce"]}
    again, other = begin(client, platform.begins(), method)
    assert {asked["state"], asked["nonce"], cookie}.isdisjoint({again["state"], again["nonce"], other})


@pytest.mark.parametrize(
    "more", [{"iss": "https://other.example"}, {"client_id": "other"}, {"lti_deployment_id": "3"}, {"login_hint": ""}]
)
def test_what_isn_t_registered_begins_nothing(client: Client, platform: Platform, more: dict[str, str]) -> None:
    """Another platform, client or deployment; and nobody is sent to an address of theirs."""
    found = client.ask("POST", LOGIN, content=urlencode(platform.begins(**more)), headers=FORM)
    assert found.status_code in {400, 403}
    assert "location" not in found.headers
    assert "set-cookie" not in found.headers


def test_a_teacher_sees_their_course_and_no_other(client: Client, platform: Platform) -> None:
    """On no page, in no export, and not how the platform runs, though the rules let a teacher see all."""
    found = launched(client, platform, launch_presentation={"locale": "vi-VN"})
    assert found.headers["location"] == "/c/mine?lang=vi"
    with_it = session(found)
    assert "mine-1" in client.get("/c/mine/students", headers=with_it).text
    batch = client.json("/health/ready")["batch"]
    for route, address in addresses("other", "other-0", "other-v", batch).items():
        answer = client.get(address, headers=with_it)
        assert not re.search("other-[1amq]", answer.text), route
        if route.startswith("/c/") or route in {"/health", "/runs/{batch}", "/left-out"}:
            assert answer.status_code == 404, route
    for view in catalog.load().views.values():
        answer = client.get(f"/v1/views/{view.name}/export?format=csv", headers=with_it)
        if "course_id" not in {column.name for column in view.columns}:
            assert answer.status_code == 403, view.name
        else:
            assert answer.status_code == 200, view.name
            assert "other" not in answer.text, view.name


def test_a_student_sees_what_is_theirs_in_that_course(client: Client, platform: Platform) -> None:
    """By the rules, and a role in the institution is none in the course."""
    roles = [LEARNER, f"{ROLE}institution/person#Instructor", f"{ROLE}system/person#Administrator"]
    with_it = session(launched(client, platform, roles=roles))
    assert client.get("/c/mine/s/mine-0", headers=with_it).status_code == 200
    assert client.get("/c/mine/s/mine-1", headers=with_it).status_code == 404
    nobody = session(launched(client, platform, roles=roles[1:]))
    assert client.get("/c/mine", headers=nobody).status_code == 404
    other = session(launched(client, platform, sub="other-0", roles=["Learner"]))
    assert client.get("/c/other/s/other-0", headers=other).status_code == 404, "another course than they came from"


FORGED: dict[str, dict[str, Any]] = {
    "another platform's": {"iss": "https://other.example"},
    "another client's": {"aud": "other"},
    "several clients' without saying whose": {"aud": ["ours", "other"]},
    "another client's by azp": {"aud": ["ours", "other"], "azp": "other"},
    "of the past": {"exp": int(time.time()) - 600},
    "without an end": {"exp": None},
    "from the future": {"iat": int(time.time()) + 3600},
    "of another launch": {"nonce": "other"},
    "without a nonce": {"nonce": None},
    "of another deployment": {"deployment_id": "3"},
    "without a deployment": {"deployment_id": None},
    "of another message": {"message_type": "LtiDeepLinkingRequest"},
    "of another version": {"version": "1.1"},
    "without a link": {"resource_link": None},
    "of nobody": {"sub": None},
    "of a number": {"sub": 17},
    "without a course": {"context": None},
    "of a course without an id": {"context": {"id": 5}},
    "of a list as a course": {"context": ["mine"]},
}


@pytest.mark.parametrize("more", FORGED.values(), ids=FORGED)
def test_a_token_that_isn_t_right_opens_nothing(client: Client, platform: Platform, more: dict[str, Any]) -> None:
    """Though the platform signed it."""
    found = launched(client, platform, **more)
    assert found.status_code == 401
    assert "set-cookie" not in found.headers


def by_hand(algorithm: str, said: dict[str, Any], secret: bytes = b"") -> str:
    """A token that no library would make: signed by nobody, or with a secret."""
    parts = [json.dumps(one).encode() for one in ({"alg": algorithm, "kid": "k1"}, said)]
    text = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    mark = hmac.new(secret, text.encode(), hashlib.sha256).digest() if secret else b""
    return f"{text}.{base64.urlsafe_b64encode(mark).decode().rstrip('=')}"


def test_a_token_that_the_platform_didn_t_sign_opens_nothing(client: Client, platform: Platform) -> None:
    """Signed by nobody, by another key, by the public key taken for a secret, changed afterwards, or no token at all."""
    another = RSAKey.generate_key(2048, {"kid": "k1"})
    public = platform.key.as_pem(private=False)

    def changed(said: dict[str, Any]) -> str:
        head, _, mark = platform.signed(said).split(".")
        return ".".join([head, platform.signed(said | {"sub": "mine-1"}).split(".")[1], mark])

    forged = {
        "none": lambda said: by_hand("none", said),
        "another key": lambda said: jwt.encode({"alg": "RS256", "kid": "k1"}, said, another),
        "public as secret": lambda said: by_hand("HS256", said, public),
        "changed": changed,
        "none at all": lambda _: "x",
    }
    for name, forge in forged.items():
        asked, cookie = begin(client, platform.begins())
        found = come(client, forge(platform.says(asked)), asked["state"], cookie)
        assert (found.status_code, "set-cookie" in found.headers) == (401, False), name


def test_a_launch_is_finished_once_in_the_browser_that_began_it(client: Client, platform: Platform) -> None:
    """Not a second time, not with another browser's cookie or none, not with a token of another launch."""
    asked, cookie = begin(client, platform.begins())
    token = platform.signed(platform.says(asked))
    assert come(client, token, asked["state"], cookie).status_code == 303
    assert come(client, token, asked["state"], cookie).status_code == 401, "the state is used up"
    other, other_cookie = begin(client, platform.begins())
    assert come(client, token, other["state"], other_cookie).status_code == 401, "the nonce is of the first"
    for stolen in ("", cookie, other_cookie.partition("=")[0] + "=" + cookie.partition("=")[2]):
        other, _ = begin(client, platform.begins())
        found = come(client, platform.signed(platform.says(other)), other["state"], stolen)
        assert found.status_code == 401
    sent = {**FORM, "cookie": cookie}
    assert client.ask("POST", LAUNCH, content="error=login_required&state=x", headers=sent).status_code == 401
    assert client.ask("POST", LAUNCH, content="{}", headers={"content-type": "application/json"}).status_code == 415
    assert client.get(LAUNCH).status_code == 405


def test_what_was_begun_is_good_for_ten_minutes_and_once() -> None:
    """Whatever comes of it."""
    now = [0.0]
    pending: Pending[str] = Pending(lambda: now[0])
    state, browser = pending.begin("a")
    now[0] = SECONDS - 1
    assert pending.finish(state, browser) == "a"
    state, browser = pending.begin("b")
    with pytest.raises(Exception, match="in this browser"):
        pending.finish(state, "other")
    with pytest.raises(Exception, match="in this browser"):
        pending.finish(state, browser)
    state, browser = pending.begin("c")
    now[0] += SECONDS
    with pytest.raises(Exception, match="too long ago"):
        pending.finish(state, browser)


def test_a_session_gets_a_name_that_nobody_knew(client: Client, platform: Platform) -> None:
    """A cookie that was there before is not taken over; the session that it named ends."""
    first = session(launched(client, platform))
    asked, cookie = begin(client, platform.begins())
    both = f"{cookie}; {first['cookie']}; {IN_FRAME}x=1"
    second = session(come(client, platform.signed(platform.says(asked)), asked["state"], both))
    assert second != first
    assert client.get("/c/mine", headers=first).headers["location"].startswith("/sign-in")
    assert client.get("/c/mine", headers=second).status_code == 200


def frame_of(found: Any) -> str:
    """Who may show it in a frame."""
    return str(found.headers["content-security-policy"].partition("frame-ancestors ")[2])


def test_a_page_is_shown_in_frames_of_the_platform_that_opened_it_alone(client: Client, platform: Platform) -> None:
    """And of nobody where it was opened otherwise; a refusal in a frame says what to do."""
    with_it = session(launched(client, platform))
    for address in ("/c/mine", "/c/other", "/explore", "/v1/views", "/v1/views/video_popularity/export?format=csv"):
        assert frame_of(client.get(address, headers=with_it)) == platform.issuer, address
    assert frame_of(client.get("/sign-in")) == "'none'"
    assert frame_of(client.get("/c/mine")) == "'none'"
    assert frame_of(client.get("/static/style.css")) == "'none'"
    assert frame_of(launched(client, platform, nonce="x")) == platform.issuer
    ended = client.get("/c/mine", headers={"sec-fetch-dest": "iframe"})
    assert (ended.status_code, frame_of(ended)) == (401, platform.issuer)
    assert "open it from the course again" in ended.text
    assert 'action="/sign-out"' not in client.get("/c/mine", headers=with_it).text
    assert client.json(KEYS) == {"keys": []}


def test_courses_and_people_may_have_other_names_in_events(platform: Platform, place: Place) -> None:
    """By files; a course that the file doesn't name isn't opened, and its name is said, so that it can be added."""
    (place.root / "courses.csv").write_text("sub,value\nc-17,mine\nboth,mine\nboth,other\n")
    (place.root / "people.csv").write_text("sub,value\n17,mine-1\n")
    access = place.root / "named.toml"
    more = (
        'user = "custom.id"\ncourses = "courses.csv"\npeople = "people.csv"\nframes = ["https://school.example:8443"]'
    )
    access.write_text(RULES.replace("[[rules]]", registered(platform, more) + "[[rules]]", 1))
    who = {"custom": {"id": "17"}, "roles": [LEARNER]}
    with shown(place.out, open=False, access=str(access)) as client:
        found = launched(client, platform, context={"id": "c-17"}, **who)
        assert found.headers["location"] == "/c/mine"
        page = client.get("/c/mine/s/mine-1", headers=session(found))
        assert (page.status_code, frame_of(page)) == (200, "https://school.example:8443")
        refused = launched(client, platform, context={"id": "mine"}, **who)
        assert refused.status_code == 403
        assert "the platform calls it mine" in refused.text
        assert launched(client, platform, context={"id": "both"}, **who).headers["location"] == "/"
        assert launched(client, platform, context={"id": "c-17"}, roles=[LEARNER]).status_code == 401


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"login": "http://p.example/auth"}, "isn't an https address"),
        ({"keys": None}, "needs keys"),
        ({"deployments": []}, "needs deployments"),
        ({"deployments": "1"}, "needs deployments"),
        ({"frames": ["https://p.example/x"]}, "isn't an origin"),
        ({"frames": ["https://p.example; script-src *"]}, "isn't an origin"),
        ({"frames": ["*"]}, "isn't an origin"),
        ({"user": "email"}, "user is sub"),
        ({"courses": "none.csv"}, "is no roster"),
        ({"secret": "x"}, "means nothing here"),
    ],
)
def test_a_registration_that_is_wrong_is_refused_by_name(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    """When the server starts."""
    entry = {"issuer": "https://p.example", "client_id": "c", "deployments": ["1"]}
    entry |= {"login": "https://p.example/auth", "keys": "https://p.example/keys"} | wrong
    lines = [f"{name} = {json.dumps(value)}" for name, value in entry.items() if value is not None]
    access = tmp_path / "access.toml"
    access.write_text(f'[lti]\naddress = "{ADDRESS}"\n[[lti.platforms]]\n' + "\n".join(lines) + "\n")
    with pytest.raises(UsageError, match=said):
        read_access(str(access), catalog.load())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[lti]", "needs address"),
        ('[lti]\naddress = "http://views.example"', "needs address"),
        ('[lti]\naddress = "https://views.example"', "needs platforms"),
        ('[lti]\naddress = "https://views.example"\nroles = []', "roles is a table"),
        ("lti = 5", "isn't a table"),
    ],
)
def test_a_list_of_platforms_that_is_wrong_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """By what is wrong in it."""
    access = tmp_path / "access.toml"
    access.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_access(str(access), catalog.load())


def test_the_log_names_nobody_who_came(client: Client, platform: Platform) -> None:
    """Neither who, nor the course, nor a state or a token."""
    client.said.clear()
    with_it = session(launched(client, platform))
    client.get("/c/mine", headers=with_it)
    lines = [line for line in client.said if line.startswith("request")]
    assert [part for line in lines for part in line.split() if part.startswith("route=")] == [
        f"route={LOGIN}",
        f"route={LAUNCH}",
        "route=/c/{course}",
    ]
    assert "caller=lti:" in lines[-1]
    assert not any("mine" in line or "eyJ" in line for line in lines)


def test_a_token_in_an_address_is_none(client: Client, platform: Platform) -> None:
    """Only the form's counts: an address is kept by browsers and proxies."""
    asked, cookie = begin(client, platform.begins())
    query = urlencode({"id_token": platform.signed(platform.says(asked)), "state": asked["state"]})
    found = client.ask("POST", f"{LAUNCH}?{query}", content="", headers={**FORM, "cookie": cookie})
    assert (found.status_code, "set-cookie" in found.headers) == (401, False)
