"""The dashboard in a real Chromium: everyone can use it, nothing leaves the host, and it is whole without script."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from dashboards import addresses, enter, folded, semester
from playwright.sync_api import sync_playwright
from serving import listening
from small_place import Place

from learnfold.dashboard.pages import PAGES
from learnfold.dashboard.site import pages
from services.stack.need import program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.services

WAYS = [(width, language) for width in (1280, 390) for language in ("en", "vi")]
ALL = {"resultTypes": ["violations"]}
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
"""All that changes from light to dark."""

LOOKS: dict[tuple[int, str], list[tuple[str, dict[str, list[str]]]]] = {
    (1280, "en"): [("light", ALL), ("dark", COLOURS)],
    (390, "vi"): [("light", ALL)],
}
"""Colours are the same in every width and language; of the other two ways each half is looked at in one of these."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A made-up semester, and a course whose name never ends."""
    place = semester(tmp_path_factory.mktemp("semester"), events=6_000)
    enter(place, "x" * 300, ["<img src=x onerror=alert(1)>", "\u05d0\u05d1\u05d2"])
    return folded(place)


@pytest.fixture(scope="module")
def host(place: Place) -> Iterator[str]:
    """Its dashboard, listening."""
    yield from listening(place, pages=pages)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The distribution's Chromium."""
    path = program("chromium", "the dashboard's tests")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


def every(place: Place) -> dict[str, str]:
    """The pages' addresses, of a course, a student and a video that are there."""
    batch = json.loads(place.storage.read("_batches/current.json"))["batch"]
    return addresses("CS101", "SV00001", "CS101-V101", batch)


class Watched:
    """A page whose every request and every word of its console is kept."""

    def __init__(self, page: Page, host: str) -> None:
        self.page, self.host = page, host
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, address: str) -> None:
        """Goes there and waits for all that is loaded."""
        answer = self.page.goto(self.host + address, wait_until="load")
        assert answer is not None
        assert answer.status == 200, (address, answer.status)

    def quiet(self) -> None:
        """The console is silent, and nobody else was asked."""
        assert self.said == []
        assert {urlsplit(url).netloc for url in self.asked if not url.startswith("data:")} == {
            urlsplit(self.host).netloc
        }


@pytest.fixture
def watched(browser: Browser, host: str) -> Iterator[Watched]:
    """A page on a desk."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    yield Watched(context.new_page(), host)
    context.close()


@pytest.mark.parametrize(("width", "language"), WAYS, ids=str)
def test_everyone_can_use_every_page(browser: Browser, host: str, place: Place, width: int, language: str) -> None:
    """In light and dark axe finds nothing, nothing scrolls sideways, the console is silent, no other host is asked."""
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce", locale=language)
    watched, axe = Watched(context.new_page(), host), Axe()
    wrong: list[tuple[Any, ...]] = []
    more = [
        "/compare?of=CS101&of=CS102",
        "/compare?by=weeks&course=CS101",
        "/compare?by=cohorts&course=CS101",
        f"/c/{'x' * 300}",
        "/explore/video_popularity?chart=unique_viewers&limit=5&lang=" + language,
    ]
    for address in [*every(place).values(), *more]:
        watched.open(address)
        for theme, rules in LOOKS.get((width, language), []):
            watched.page.emulate_media(color_scheme=theme)
            found = axe.run(watched.page, options=rules)
            wrong += [
                (theme, address, one["id"], one["nodes"][0]["html"][:300]) for one in found.response["violations"]
            ]
        wide = watched.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        wrong += [("wide", address, *wide)] if wide[0] > wide[1] else []
        assert watched.page.evaluate("document.documentElement.lang") == language
    watched.quiet()
    context.close()
    assert wrong == []


def test_a_chart_is_saved_as_png(watched: Watched) -> None:
    """The browser draws the server's SVG, at three times its size; without script only the SVG is there."""
    watched.open("/explore/video_popularity?chart=unique_viewers&limit=5")
    with watched.page.expect_download() as download:
        watched.page.get_by_role("button", name="As PNG").click()
    assert download.value.suggested_filename == "ranking.png"
    content = download.value.path().read_bytes()
    assert content.startswith(b"\x89PNG")
    drawn = watched.page.request.get(
        watched.page.get_by_role("link", name="As SVG").evaluate("link => link.href")
    ).text()
    size = [3 * int(re.search(rf'{name}="(\d+)"', drawn)[1]) for name in ("width", "height")]  # type: ignore[index]
    assert [int.from_bytes(content[place : place + 4], "big") for place in (16, 20)] == size
    watched.quiet()


def test_sorting_going_back_and_a_permalink(watched: Watched) -> None:
    """Links sort; the browser's way back is the state before; the address alone gives the same page."""
    page = watched.page
    watched.open("/c/CS101/videos?sort=video_id")
    before = page.locator("tbody th").all_text_contents()
    page.get_by_role("link", name="Viewers").click()
    page.wait_for_url("**sort=unique_viewers**")
    after = page.locator("tbody th").all_text_contents()
    assert sorted(after) == sorted(before)
    assert page.locator("[aria-sort]").count() == 1
    page.go_back()
    page.wait_for_url(re.compile(r"sort=video_id$"))
    assert page.locator("tbody th").all_text_contents() == before
    page.go_forward()
    page.wait_for_url("**sort=unique_viewers**")
    address, content = page.url, page.locator("main").inner_html()
    page.goto(address)
    assert page.locator("main").inner_html() == content
    watched.quiet()


def test_a_number_is_asked_where_it_comes_from_without_leaving_the_page(watched: Watched) -> None:
    """A dialog with the batch and the SQL; Escape closes it, and what was in focus is again."""
    page = watched.page
    watched.open("/c/CS101")
    why = page.locator("a.why").first
    why.focus()
    page.keyboard.press("Enter")
    page.locator("dialog[open] pre").first.wait_for()
    told = page.locator("dialog").inner_text()
    assert re.search(r"\d{8}T\d{6}-[0-9a-f]{8}", told)
    assert Axe().run(page, options=ALL).violations_count == 0
    page.keyboard.press("Escape")
    page.locator("dialog[open]").wait_for(state="detached")
    assert why.evaluate("link => link === document.activeElement")
    assert page.url.endswith("/c/CS101")
    watched.quiet()


def test_the_keyboard_alone_goes_everywhere(watched: Watched) -> None:
    """The first key skips to the numbers; every link and field is reached, in the order of the page."""
    page = watched.page
    watched.open("/c/CS101")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    wanted = page.evaluate(
        "[...document.querySelectorAll('main a[href], main button, main summary, main [tabindex=\"0\"]')].filter(e => e.checkVisibility()).length"
    )
    reached = 0
    for _ in range(wanted):
        page.keyboard.press("Tab")
        reached += page.evaluate(
            "document.activeElement.closest('main') !== null && getComputedStyle(document.activeElement).outlineStyle !== 'none'"
        )
    assert reached == wanted


def test_without_script_all_is_there(browser: Browser, host: str, place: Place) -> None:
    """The same numbers; sorting, weeks, explanations and filters are links and forms."""
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{host}/c/CS101?week=2025-10-06")
    assert "Week 6" in page.locator("main").inner_text()
    page.locator("a[rel=next]").first.click()
    assert "Week 7" in page.locator("main").inner_text()
    page.locator("a.why").first.click()
    assert re.search(r"\d{8}T\d{6}-[0-9a-f]{8}", page.locator("main").inner_text())
    page.goto(f"{host}/explore/video_popularity")
    page.select_option("select[name=column]", "course_id")
    page.fill("input[name=value]", "CS102")
    page.get_by_role("button", name="Filter").click()
    assert page.url.endswith("/explore/video_popularity?course_id=CS102")
    assert set(page.locator("tbody td:nth-child(2)").all_text_contents()) == {"CS102"}
    context.close()


def test_a_printed_page_has_all_rows(browser: Browser, host: str) -> None:
    """A list of students as PDF: of several pages, and nothing of the navigation."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{host}/c/CS101/students")
    rows = page.locator("tbody tr").count()
    page.emulate_media(media="print")
    assert not page.locator(".rail").is_visible()
    assert page.locator("tbody tr >> visible=true").count() == rows
    assert len(page.pdf(format="A4")) > 10_000
    context.close()


def test_a_batch_that_is_published_while_a_page_is_used_is_never_mixed_in(watched: Watched, place: Place) -> None:
    """Each page names the batch of all its numbers: the one before, or the new one."""
    page = watched.page
    before = json.loads(place.storage.read("_batches/current.json"))["batch"]
    watched.open("/c/CS101")
    assert before in page.locator("footer").inner_text()
    enter(place, "late", ["ann", "bob"])
    folded(place)
    after = json.loads(place.storage.read("_batches/current.json"))["batch"]
    for _ in range(200):
        watched.open("/")
        said, late = page.locator("footer").inner_text(), page.get_by_role("link", name="late").count()
        assert (before in said, late) in {(True, 0), (False, 1)}
        if after in said:
            break
        page.wait_for_timeout(100)
    assert after in said
    watched.open(f"/?batch={before}")
    assert page.get_by_role("link", name="late").count() == 0


def test_every_page_is_tried() -> None:
    """A route that is added is in the table above."""
    assert len(PAGES) == len(set(addresses("c", "s", "v", "b")))
