"""A chart leaves its page as a picture: whole by itself, with its own colours, of what the page shows and nothing else."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from dashboards import addresses, semester, shown

from learnfold.dashboard.picture import charts_style, picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Client

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The dashboard of a made-up semester."""
    place = semester(tmp_path_factory.mktemp("pictures"), events=6_000)
    with shown(place.out) as found:
        yield found


def pictures(client: Client, address: str) -> list[str]:
    """The addresses of a page's pictures."""
    text = client.get(address).text
    return [html.unescape(one) for one in re.findall(r'<a href="([^"]+)" data-png', text)]


def words_of(text: str) -> list[str]:
    """What a chart says, label by label."""
    return [html.unescape(re.sub("<[^>]+>", "", one)) for one in re.findall(r"<text[^>]*>(.*?)</text>", text)]


def test_every_chart_can_be_taken_along(client: Client) -> None:
    """Each page's picture says what its chart says; it is whole XML, and asks for nothing: no style, font or script of a page."""
    batch = client.json("/health/ready")["batch"]
    of_pages = addresses("CS101", "SV00001", "CS101-V101", batch)
    tried = [*of_pages.values(), "/explore/video_popularity?chart=unique_viewers&limit=5", "/compare?of=CS101&of=CS102"]
    found = {address: pictures(client, address) for address in tried}
    assert sum(map(len, found.values())) >= 7
    for address, links in found.items():
        page = client.get(address).text
        assert len(links) == len(re.findall('<svg class="chart', page)), address
        said = [words_of(one) for one in re.findall(r'<svg class="chart .*?</svg>', page, re.DOTALL)]
        for link in links:
            answer = client.get(link)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml"), link
            tree = ET.fromstring(answer.content)
            assert tree.tag == f"{SVG}svg"
            assert batch in tree.findtext(f"{SVG}desc", "")
            assert words_of(answer.text) in said
            assert not re.search(r"var\(|data-tip|<script|url\(|href|http://(?!www\.w3\.org/2000/svg)", answer.text), (
                link
            )


def test_what_isn_t_a_chart_of_the_page_is_not_found(client: Client) -> None:
    """Another kind, a place beyond the last, and what is no name at all."""
    for name in ("funnel", "lines.2", "lines.0", "lines.-1", "lines.x", "lines.1.1", "", "../lines", "lines%0d%0aX:1"):
        assert client.get(f"/c/CS101?picture={name}").status_code == 404, name
    assert client.get("/c/NONE?picture=lines").status_code == 404


def test_a_picture_is_dark_where_its_page_is_told_to_be(client: Client) -> None:
    """Else light: it goes into a report."""
    light, dark = (client.get(f"/c/CS101?picture=lines{more}").text for more in ("", "&theme=dark"))
    assert (light == dark, words_of(light) == words_of(dark)) == (False, True)
    assert ("#fff" in light, "#171e22" in dark, "#171e22" in light) == (True, True, False)


def test_a_picture_follows_the_page_s_language_and_place(client: Client) -> None:
    """The link goes on from where the page stands."""
    (link,) = pictures(client, "/explore/video_popularity?chart=unique_viewers&limit=3&lang=vi")
    assert {"chart=unique_viewers", "limit=3", "lang=vi", "picture=ranking"} == set(urlsplit(link).query.split("&"))
    following = client.get("/explore/video_popularity?limit=3").text
    after = html.unescape(re.findall(r'href="([^"]+)" rel="next"', following)[0])
    (link,) = pictures(client, f"{after}&chart=unique_viewers")
    assert words_of(client.get(link).text) == words_of(
        re.findall(r'<svg class="chart .*?</svg>', client.get(f"{after}&chart=unique_viewers").text, re.DOTALL)[0]
    )


def test_a_picture_has_the_styles_of_charts_alone() -> None:
    """Colours are written out; what is said of phones, print and other parts stays behind."""
    style = ":root{--a:#111;--b:#222}:root[data-theme=dark]{--a:#999}.chart text{fill:var(--a)}.card{x:1}.s1{color:var(--b)}"
    style += "@media print{.chart{display:none}}@font-face{src:url(x)}/* .chart{z:1} */"
    found = charts_style(style, dark=False)
    assert ".chart text{fill:#111}.s1{color:#222}" in found
    assert ".chart text{fill:#999}" in charts_style(style, dark=True)
    assert not re.search(r"\.card\{|display|url|z:1", found)
    made = picture('<svg class="chart x" viewBox="0 0 10 20" role="img"><path/></svg>', "x", found, "<A & B>", "c")
    assert made is not None
    assert ET.fromstring(made.content).findtext(f"{SVG}title") == "<A & B>"
