"""A course's page in a frame of a learning platform's page, in a real Chromium that lets no site set cookies for all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dashboards import enter, folded
from launching_platform import Platform, registered
from playwright.sync_api import sync_playwright
from serving import listening
from small_place import Place

from learnfold.dashboard.site import pages
from services.stack.need import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.services

RULES = '[[rules]]\nrole = "teacher"\nviews = ["*"]\ncolumn = "course_id"\nclaim = "course"\n'


@pytest.fixture(scope="module")
def platforms() -> Iterator[tuple[Platform, Platform]]:
    """One that is registered, and one that isn't."""
    found = Platform(), Platform()
    yield found
    for platform in found:
        platform.server.shutdown()
        platform.server.server_close()


@pytest.fixture(scope="module")
def tool(platforms: tuple[Platform, Platform], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard of a course, by a name that is another site than the platform's."""
    root: Path = tmp_path_factory.mktemp("frame")
    place = Place(root)
    enter(place, "mine", ["mine-0", "mine-1"])
    folded(place)
    (root / "access.toml").write_text(registered(platforms[0]) + RULES)
    for host in listening(place, pages=pages, open=False, access=str(root / "access.toml")):
        address = host.replace("127.0.0.1", "localhost")
        for platform in platforms:
            platform.tool = address
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The distribution's Chromium, in which a site's cookies in frames are kept apart for each site around them."""
    path = program("chromium", "the dashboard's tests")
    arguments = ["--no-sandbox", "--disable-gpu", "--test-third-party-cookie-phaseout"]
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=arguments)
        yield found
        found.close()


def test_a_course_opens_in_the_platform_s_page_and_in_no_other(
    browser: Browser, platforms: tuple[Platform, Platform], tool: str, tmp_path: Path
) -> None:
    """Launched in a frame; its links, dialogs and exports work there; another site's page can't show it."""
    context = browser.new_context(viewport={"width": 1000, "height": 700}, accept_downloads=True)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{platforms[0].issuer}/course")
    frame = page.frame("tool")
    assert frame is not None
    frame.wait_for_url(f"{tool}/c/mine")
    frame.get_by_role("link", name="Students").first.click()
    frame.wait_for_url(f"{tool}/c/mine/students")
    assert frame.get_by_text("mine-1").count() >= 1
    frame.goto(f"{tool}/explore/video_popularity")
    with page.expect_download() as download:
        frame.get_by_role("link", name="CSV").first.click()
    download.value.save_as(tmp_path / "rows.csv")
    assert "mine-v" in (tmp_path / "rows.csv").read_text("utf-8")
    assert said == []
    page.goto(f"{platforms[1].issuer}/other")
    page.wait_for_function("document.querySelector('iframe') && window.length == 1")
    framed = page.frames[1]
    framed.wait_for_load_state()
    assert not framed.url.startswith(tool)
    assert "mine-1" not in framed.content()
    assert any("frame-ancestors" in one for one in said)
    context.close()
