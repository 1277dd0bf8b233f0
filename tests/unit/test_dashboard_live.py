"""Pages of a server that follows live state: numbers of batch and live together, all of one moment, and what a page says of that."""

from __future__ import annotations

import re
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from dashboards import addresses, enter, folded, shown
from following import Since, Speed, batch_of
from playwright.sync_api import sync_playwright
from serving import listening
from small_place import Place

from learnfold.dashboard import asking
from learnfold.dashboard.site import pages
from learnfold.serve.tokens import add_token, new_token
from services.stack.need import program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Client

BEFORE, SINCE = [f"first-{n}" for n in range(6)], [f"since-{n}" for n in range(9)]
OF_ROWS = [
    *("/", "/c/{course}", "/c/{course}/students", "/c/{course}/s/{student}", "/c/{course}/videos"),
    *("/c/{course}/videos/{video}", "/c/{course}/assignments", "/c/{course}/quizzes", "/c/{course}/material"),
    *("/c/{course}/messages", "/c/{course}/forum", "/compare", "/explore/{view}"),
]
"""Pages of which all that stands there is rows of views."""

ROLES = ("student", "head", "teacher")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[Place]:
    """A course; and the same with more people, and a second course."""
    batch, later = (Place(tmp_path_factory.mktemp(name)) for name in ("batch", "later"))
    enter(batch, "one", BEFORE)
    shutil.copytree(batch.master, later.master)
    later.files = batch.files
    enter(later, "one", SINCE)
    enter(later, "two", SINCE)
    return [folded(place) for place in (batch, later)]


@pytest.fixture(scope="module")
def opened(places: list[Place]) -> Iterator[tuple[Client, Since]]:
    """The dashboard of the first, to which what the second has more is added live."""
    since = Since(batch_of(places[0].out), places[1].out)
    with shown(places[0].out, following=Speed(since)) as client:
        yield client, since


@pytest.fixture(scope="module")
def batch(places: list[Place]) -> Iterator[Client]:
    """The dashboard of the first alone."""
    with shown(places[0].out) as client:
        yield client


@pytest.fixture(scope="module")
def whole(places: list[Place]) -> Iterator[Client]:
    """The dashboard of all events in one batch: what live pages must equal."""
    with shown(places[1].out) as client:
        yield client


@pytest.fixture
def live(opened: tuple[Client, Since], places: list[Place]) -> tuple[Client, Since]:
    """The same, as it was when it was opened."""
    since = opened[1]
    since.out, since.without = places[1].out, {}
    since.reached.tick += 1
    since.reached.complete_until = time.time()
    return opened


def rows(page: str) -> str:
    """What a page shows, without what it says of its batch and its moment."""
    main = re.search(r"<main[^>]*>(.*)</main>", page, re.DOTALL)
    assert main is not None
    text = re.sub(r'<p class="fresh.*?</p>|<footer>.*</footer>', "", main[1], flags=re.DOTALL)
    return re.sub(r"\s+", " ", text).strip()


def words(page: str) -> str:
    """The same without its links."""
    return re.sub(r"<[^>]+>", " ", rows(page))


def test_a_page_shows_what_a_batch_of_all_would(live: tuple[Client, Since], whole: Client, batch: Client) -> None:
    """The course, its people and videos, those that came since among them; ``live=off`` is the batch alone."""
    client, since = live
    for route in OF_ROWS:
        address = addresses("one", SINCE[0], "one-v", since.batch)[route]
        address += "?of=one&of=two" if route == "/compare" else ""
        assert rows(client.get(address).text) == rows(whole.get(address).text), route
        off, expected = (one.get(address, params={"live": "off"}) for one in (client, batch))
        assert off.status_code == expected.status_code, route
        assert rows(off.text) == rows(expected.text), route


def test_a_page_that_asks_more_than_before_is_still_of_one_moment(live: tuple[Client, Since], whole: Client) -> None:
    """What it asks depends on its address: views that nobody asked there yet are live too."""
    client, _ = live
    for address in ("/compare?of=one", "/compare?by=weeks&course=one", "/compare?by=cohorts&course=two", "/compare"):
        found = client.get(address).text
        assert rows(found) == rows(whole.get(address).text), address
        assert 'class="fresh live' in found, address


def test_a_page_is_of_one_moment_however_long_it_takes(
    live: tuple[Client, Since], places: list[Place], batch: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its second question is asked when the live numbers are others: it stays of the moment before, the next page is of the one after."""
    client, since = live
    before = rows(client.get("/c/one").text)
    page, asked = asking.page, []

    def slow(*about: Any) -> Any:
        found = page(*about)
        if not asked:
            since.out, since.reached.tick = places[0].out, since.reached.tick + 1
            assert client.opened.bases.live is not None
            assert client.opened.bases.live.progress(since.batch) is not None
        asked.append(about)
        return found

    monkeypatch.setattr(asking, "page", slow)
    assert rows(client.get("/c/one").text) == before
    assert len(asked) > 5
    after = rows(batch.get("/c/one").text)
    assert rows(client.get("/c/one").text) == after
    assert after != before


def test_a_page_says_how_old_its_numbers_are(live: tuple[Client, Since]) -> None:
    """Beside when the batch was published; numbers that know of nothing younger are said to be behind."""
    client, since = live
    since.reached.complete_until = time.time() + 600  # a page may take long on a busy machine
    found = client.get("/c/one").text
    assert ">Live, 0.0 s ago</time>" in found
    assert "Published 2" in found
    assert "Trực tiếp, 0,0 giây trước" in client.get("/c/one?lang=vi").text
    since.reached.complete_until = time.time() - 300
    found = client.get("/c/one").text
    assert "Live numbers are 5 min behind" in found
    assert 'class="fresh live stale"' in found


def test_the_batch_alone_is_an_address_that_links_take_along(live: tuple[Client, Since]) -> None:
    """Off says so and leads back; an older batch has nothing live; the permalink is of the batch; nonsense is refused."""
    client, since = live
    off = client.get("/c/one?live=off").text
    assert "The batch alone, without what came since" in off
    assert 'href="/c/one/students?live=off"' in off
    assert 'data-events="' not in off
    assert f'href="/c/one?batch={since.batch}"' in client.get("/c/one?live=follow").text
    kept = client.get(f"/c/one?batch={since.batch}")
    assert kept.status_code == 200
    assert "Live" not in kept.text
    assert words(kept.text) == words(off)
    assert client.get("/c/one?live=maybe").status_code == 400
    assert "live=off" in client.get("/explore/video_popularity?live=off").text.partition("/export")[2][:200]


def test_what_came_since_alone_has_its_pages_too(live: tuple[Client, Since]) -> None:
    """A course of which the batch knows nothing; without what came since it isn't there."""
    client, _ = live
    assert client.get("/c/two").status_code == 200
    assert client.get("/c/two?live=off").status_code == 404
    assert client.get("/c/three").status_code == 404


def test_a_view_that_can_t_be_live_is_the_batch_s_and_said_so(live: tuple[Client, Since], batch: Client) -> None:
    """By name, in the page's foot; the other views stay live."""
    client, since = live
    since.without = {"video_popularity": "its definition is another"}
    found = client.get("/c/one/videos").text
    assert "Of the batch alone, without what came since: video_popularity." in found
    assert rows(client.get("/explore/video_popularity").text) == rows(batch.get("/explore/video_popularity").text)
    assert "Nothing live here" in client.get("/explore/video_popularity").text


def test_a_number_s_explanation_says_that_it_is_live(live: tuple[Client, Since]) -> None:
    """Its value is that of batch and live; the mail that is sent is of the batch."""
    client, _ = live
    found = client.get("/explain/video_popularity/unique_viewers?key=one-v&key=one").text
    assert f'<p class="big">{len(BEFORE) + len(SINCE)}</p>' in found
    assert "<dt>Live</dt>" in found
    mail = client.get("/c/one/mail").text
    assert "Live" not in mail
    assert mail == client.get("/c/one/mail").text


def test_small_groups_are_of_the_batch_and_said_so(live: tuple[Client, Since], places: list[Place]) -> None:
    """Live, each event of a group could be watched; whoever sees less doesn't keep others' pages from being live."""
    _, since = live
    root = places[0].root
    (root / "access.toml").write_text(
        '[[rules]]\nrole = "head"\nviews = ["*"]\nrows = "all"\nleast_people = 5\n'
        '[[rules]]\nrole = "teacher"\nviews = ["*"]\nrows = "all"\n'
        '[[rules]]\nrole = "student"\nviews = ["*"]\ncolumn = "user_id"\nclaim = "sub"\n'
    )
    tokens = root / "tokens.json"
    asked = {role: new_token(role, None, role=role, claims={"sub": (BEFORE[0],)}) for role in ROLES}
    for _, token in asked.values():
        add_token(tokens, token)
    access = {"open": False, "tokens": str(tokens), "access": str(root / "access.toml")}
    with shown(places[0].out, following=Speed(since), **access) as client:
        said = {}
        for role, (text, _) in asked.items():
            found = client.get("/c/one/videos", headers={"authorization": f"Bearer {text}"})
            assert found.status_code == 200, role
            said[role] = found.text
    assert "Nothing live here" in said["head"]
    assert re.search(r"Live, \d|Live numbers are \d", said["teacher"])
    assert len(BEFORE) + len(SINCE) == 15
    assert re.search(r'class="num"[^>]*>15<', said["teacher"])
    assert not re.search(r'class="num"[^>]*>15<', said["head"])


@pytest.mark.services
def test_a_number_that_is_followed_moves_without_a_reload(places: list[Place]) -> None:
    """In Chromium: once who looks asks for it, what came in stands on the page, and what was in focus still is; then it can be stopped."""
    path = program("chromium", "the dashboard's tests")
    since = Since(batch_of(places[0].out), places[0].out)
    since.reached.positions, since.reached.complete_until = {"video_topic": {0: 6}}, time.time() + 600
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for host in listening(places[0], pages=pages, following=Speed(since)):
            page = browser.new_page(locale="en-GB")
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto(f"{host}/c/one/videos")
            page.evaluate("window.same = true")
            viewers = page.locator("tbody td[data-label=Viewers]").first
            assert viewers.inner_text() == "6"
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                assert Axe().run(page).violations_count == 0
            with page.expect_request("**/v1/events"):
                page.get_by_role("button", name="Follow").click()
            page.get_by_text("Live, followed").wait_for()
            page.locator("tbody th a").first.focus()
            since.out, since.reached.positions = places[1].out, {"video_topic": {0: 21}}
            since.reached.tick += 1
            page.locator("tbody td[data-label=Viewers]", has_text=re.compile("^15$")).wait_for()
            assert page.evaluate("window.same && document.activeElement.closest('tbody th') !== null")
            assert page.url == f"{host}/c/one/videos?live=follow"
            since.reached.complete_until = time.time() - 300
            page.evaluate("renew()")
            page.get_by_text("Live numbers are 5 min behind").wait_for()
            page.get_by_role("button", name="Stop following").click()
            page.get_by_role("button", name="Follow", exact=True).wait_for()
            assert page.url == f"{host}/c/one/videos"
            assert page.evaluate("stream === null")
            page.close()
        browser.close()
    assert said == []
