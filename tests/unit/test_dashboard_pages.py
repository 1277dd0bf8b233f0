"""Pages tell what the published views hold, and no more: numbers, names of any kind, batches, languages."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import duckdb
import pytest
from dashboards import addresses, enter, folded, semester, shown
from small_place import Place

from learnfold.catalog import load
from learnfold.dashboard.links import from_part, part
from learnfold.dashboard.pages.explore import OWN
from learnfold.dashboard.site import POLICY
from learnfold.serve.question import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Client

ODD = [
    "<script>alert(1)</script>",
    "\u202eabc \u05d0\u05d1",
    "x" * 10_000,
    "a/b?c#d%2Fe",
    "..",
    "\u00fc \u6f22 'q'\"",
    "two\nlines",
]
"""Names that a page, an address or a table might take for something else."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A made-up semester."""
    return semester(tmp_path_factory.mktemp("semester"))


@pytest.fixture(scope="module")
def client(place: Place) -> Iterator[Client]:
    """Its dashboard."""
    with shown(place.out) as found:
        yield found


def ask(place: Place, view: str, sql: str) -> list[tuple[object, ...]]:
    """Rows of a published view, by plain SQL over its file."""
    return duckdb.sql(f"SELECT {sql.replace('VIEW', repr(str(place.out / view / 'part-00000.parquet')))}").fetchall()


def every(place: Place) -> dict[str, str]:
    """The pages' addresses of the place."""
    [(course, student)] = ask(
        place, "video_student_engagement", "course_id, user_id FROM VIEW WHERE course_id = 'CS101' ORDER BY ALL LIMIT 1"
    )
    [(video,)] = ask(place, "video_popularity", "video_id FROM VIEW WHERE course_id = 'CS101' ORDER BY ALL LIMIT 1")
    batch = place.storage.read("_batches/current.json").decode()
    return addresses(str(course), str(student), str(video), re.findall(r"\d{8}T\d{6}-[0-9a-f]{8}", batch)[0])


def text(page: str) -> str:
    """A page's text, its tags left out."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


@pytest.mark.parametrize("language", ["en", "vi"])
def test_every_page_is_shown_in_every_language(client: Client, place: Place, language: str) -> None:
    """With its policy, its language and its batch; asked again, it is the same to the byte, and told so by its tag."""
    for route, address in every(place).items():
        found = client.get(address, params={"lang": language})
        assert found.status_code == 200, (route, found.text[-300:])
        assert found.headers["content-security-policy"] == f"{POLICY}frame-ancestors 'none'"
        assert f'<html lang="{language}"' in found.text
        assert len(re.findall("<h1", found.text)) == 1, route
        again = client.get(address, params={"lang": language})
        assert again.text == found.text
        kept = client.get(address, params={"lang": language}, headers={"if-none-match": found.headers["etag"]})
        assert (kept.status_code, kept.content) == (304, b"")
        assert not re.search(r"\sstyle=|<style|<script>|\son[a-z]+=|javascript:", found.text), route


def test_every_link_of_every_page_leads_somewhere(client: Client, place: Place) -> None:
    """One after another, each route's first few links of each kind; none is dead."""
    seen: dict[str, None] = {}
    for address in every(place).values():
        for link in re.findall(r'(?:href|action)="(/[^"]*)"', client.get(address).text):
            seen[html.unescape(link)] = None
    kinds: dict[str, list[str]] = {}
    for link in seen:
        kinds.setdefault(
            re.sub(r"=[^&]*|[A-Z0-9][\w%~-]*|\d+", "", link.partition("?")[0])[:40] + str(len(link.split("/"))), []
        ).append(link)
    for links in kinds.values():
        for link in links[:4]:
            assert client.get(link).status_code in {200, 304}, link


def test_numbers_on_the_course_s_page_are_those_of_the_published_files(client: Client, place: Place) -> None:
    """Of a week: hand-ins and hours of video, by SQL over the Parquet files."""
    page = text(client.get("/c/CS101?week=2025-10-06").text)
    where = "FROM VIEW WHERE course_id = 'CS101' AND date BETWEEN '2025-10-06' AND '2025-10-12'"
    [(handed,)] = ask(place, "assessment_submission_distribution", f"sum(submissions_count) {where}")
    [(hours,)] = ask(place, "video_daily_engagement", f"sum(total_watch_hours) {where}")
    assert f"Handed in ? {handed:,}" in page
    assert f"Hours of video ? {float(hours):,.0f}" in page
    assert "Week 6 6 Oct – 12 Oct 2025" in page


def test_who_is_listed_and_how_many_were_active_is_what_the_published_files_say(client: Client, place: Place) -> None:
    """Students with two signals or more, on the course's page; by one reason, on their own; active ones of a week."""
    where = "FROM VIEW WHERE course_id = 'CS101'"
    [(active,)] = ask(place, "course_week_engagement", f"active_students {where} AND week = '2025-10-06'")
    page = client.get("/c/CS101?week=2025-10-06").text
    assert f"Active students ? {active:,}" in text(page)
    order = "ORDER BY signals DESC, days_away DESC, user_id"
    listed = ask(place, "student_at_risk", f"user_id {where} AND signals >= 2 {order} LIMIT 8")
    assert re.findall(r'<a href="/c/CS101/s/(\w+)', page) == [name for (name,) in listed]
    missing = ask(
        place,
        "student_at_risk",
        f"user_id, assignments_due - assignments_handed_in {where} AND missing_work = 1 {order}",
    )
    found = client.get("/c/CS101/students?reason=missing_work").text
    assert re.findall(r'<th scope="row"><bdi><a href="/c/CS101/s/(\w+)', found) == [name for name, _ in missing]
    assert re.findall(r"(\d+) of \d+ not handed in", found) == [str(count) for _, count in missing]
    assert missing


def test_a_list_is_the_published_view_in_the_order_that_its_links_ask_for(client: Client, place: Place) -> None:
    """Videos by viewers, the most first, then the least; numbers as SQL finds them."""
    for direction in ("desc", "asc"):
        page = client.get(f"/c/CS101/videos?sort=unique_viewers&dir={direction}").text
        found = re.findall(r'<th scope="row"><bdi><a href="/c/CS101/videos/([^"?]+)', page)
        rows = ask(
            place,
            "video_popularity",
            f"video_id FROM VIEW WHERE course_id = 'CS101' ORDER BY unique_viewers {direction}, video_id",
        )
        assert found[:5] == [name for (name,) in rows][:5]
        assert len(found) == len(rows)
        assert f'aria-sort="{"descending" if direction == "desc" else "ascending"}"' in page


def test_explore_filters_sorts_and_pages_as_the_api_does(client: Client) -> None:
    """The same rows as JSON; the pages together are all rows, each once."""
    asked = "course_id=CS101&unique_viewers.ge=5&order=-total_view_events&limit=7"
    rows = client.json(f"/v1/views/video_popularity?{asked}")["rows"]
    address, found = f"/explore/video_popularity?{asked}", []
    while address:
        page = client.get(address).text
        found += re.findall(r'<tr><th scope="row"><bdi>(.*?)</bdi>', page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        address = html.unescape(following[1]) if following else ""
    whole = client.json(f"/v1/views/video_popularity?{asked.replace('limit=7', 'limit=1000')}")["rows"]
    assert found[:7] == [row["video_id"] for row in rows]
    assert found == [row["video_id"] for row in whole]


def test_those_who_were_away_are_said_where_there_are_any(client: Client, place: Place) -> None:
    """Beside how many show two signals; nobody away isn't said."""
    rows = ask(place, "course_risk_summary", "course_id, flagged, absent FROM VIEW WHERE flagged > 0 ORDER BY ALL")
    assert rows
    for course, flagged, absent in rows:
        page = text(client.get(f"/c/{course}").text)
        assert re.search(rf"\b{flagged} students? shows? two or more signals\.", page), course
        said = re.search(r"(\d+) of the class w", page)
        assert (int(said[1]) if said else 0) == absent, course


def test_weeks_and_cohorts_of_a_course_are_compared(client: Client, place: Place) -> None:
    """A week's active students and their hand-ins, those who began and how many came back, as the published files say them."""

    def cells(page: str, label: str) -> list[str]:
        row = re.search(rf'<th scope="row"><bdi>{label}</bdi></th>(.*?)</tr>', page)
        assert row is not None, label
        return [text(cell).split()[-1] for cell in re.findall(r"<td[^>]*>(.*?)</td>", row[1])]

    weeks = ("2025-09-15", "2025-10-06")
    page = client.get(f"/compare?by=weeks&course=CS101&of={','.join(weeks)}").text
    where = f"FROM VIEW WHERE course_id = 'CS101' AND week IN {weeks} ORDER BY week"
    found = ask(place, "course_week_engagement", f"active_students, submissions / active_students {where}")
    assert cells(page, "Active students") == [f"{active:,}" for active, _ in found]
    assert cells(page, "Submissions an active student") == [f"{each:.1f}" for _, each in found]
    page = client.get("/compare?by=cohorts&course=CS101").text
    began = ask(
        place,
        "course_retention_cohorts",
        "DISTINCT cohort, cohort_size FROM VIEW WHERE course_id = 'CS101' ORDER BY ALL",
    )
    back = ask(
        place,
        "course_retention_cohorts",
        "cohort, retention_percentage FROM VIEW WHERE course_id = 'CS101' AND weeks_later = 1 ORDER BY ALL",
    )
    assert cells(page, "Students who began") == [f"{size:,}" for _, size in began[:2]]
    share = {cohort: f"{percent:.0f}" for cohort, percent in back}
    assert cells(page, "Active after 1 week, %") == [share.get(cohort, "–") for cohort, _ in began[:2]]
    assert client.get("/compare?by=years").status_code == 400
    assert client.get("/compare?by=weeks&course=nope&of=soon").status_code == 200


def test_a_filter_s_form_leads_to_an_address_that_says_it(client: Client) -> None:
    """Without script: the form's answer is another address, with what was chosen before."""
    found = client.get("/explore/video_popularity?column=unique_viewers&operator=ge&value=9&course_id=CS101&lang=vi")
    assert found.status_code == 303
    assert found.headers["location"] == "/explore/video_popularity?course_id=CS101&lang=vi&unique_viewers.ge=9"


def test_explain_names_the_batch_the_sql_and_what_was_left_out(client: Client, place: Place) -> None:
    """Of one number, by its key: the number itself, and a link to its rows."""
    [(video, viewers)] = ask(
        place,
        "video_popularity",
        "video_id, unique_viewers FROM VIEW WHERE course_id = 'CS101' ORDER BY 2 DESC, 1 LIMIT 1",
    )
    found = client.get(f"/explain/video_popularity/unique_viewers?key={video}&key=CS101")
    page, batch = text(found.text), client.json("/v1/freshness")["batch"]
    assert f'<p class="big">{viewers}</p>' in found.text
    assert batch in page
    assert "COUNT(DISTINCT user_id)" in page
    assert "timestamp is missing" in page
    assert client.get("/explain/video_popularity/unique_viewers?key=x").status_code == 400
    assert client.get("/explain/video_popularity/nothing").status_code == 404


@pytest.mark.parametrize(
    "address", ["/c/NOPE", "/c/CS101/s/NOPE", "/c/CS101/videos/NOPE", "/explore/nope", "/runs/nope", "/static/nope"]
)
def test_what_isn_t_there_is_said_so_on_a_page(client: Client, address: str) -> None:
    """404, in the reader's language."""
    found = client.get(address, params={"lang": "vi"})
    assert found.status_code == 404
    assert "Không có gì ở đây" in found.text


def test_a_value_that_can_t_be_read_is_refused_on_a_page(client: Client) -> None:
    """400, with what to do."""
    found = client.get("/c/CS101?week=soon")
    assert found.status_code == 400
    assert "2025-11-17" in found.text
    assert client.get("/explore/video_popularity?unique_viewers.ge=many").status_code == 400
    assert client.get("/?batch=nope").status_code == 410


def test_pages_are_small(client: Client, place: Place) -> None:
    """A course's page with all it loads: at most 120 kB; any page 300 kB."""
    size = {address: client.get(address).num_bytes_downloaded for address in every(place).values()}
    loaded = sum(
        client.get(f"/static/{name}").num_bytes_downloaded
        for name in ("style.css", "script.js", "mark.svg", "inter-latin.woff2")
    )
    assert loaded + size["/c/CS101"] <= 120_000
    assert max(size.values()) + loaded <= 300_000


def test_static_files_are_kept_for_ever_and_named_by_what_they_hold(client: Client) -> None:
    """The font's licence is there too."""
    found = client.get("/static/inter-latin.woff2")
    assert found.headers["content-type"] == "font/woff2"
    assert "immutable" in found.headers["cache-control"]
    assert "SIL OPEN FONT LICENSE" in client.get("/static/inter-LICENSE.txt").text
    assert re.search(r"/static/style\.css\?v=[0-9a-f]{10}", client.get("/").text)


def test_no_view_has_a_column_that_is_called_as_a_parameter_of_these_pages() -> None:
    """Else it couldn't be filtered by."""
    taken = {*OWN, *PARAMETERS, "key"}
    assert [(view.name, c.name) for view in load().views.values() for c in view.columns if c.name in taken] == []


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_an_id_survives_an_address(name: str) -> None:
    """Written into a path, decoded once by the server, read again."""
    written = part(name)
    assert not set(written) & set('/?#\\ <>"')
    assert unquote(written) not in {".", ".."}
    assert from_part(unquote(written)) == name


def test_names_of_any_kind_are_shown_as_text_and_can_be_followed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Courses, students and videos whose names are code, run from right to left or never end."""
    place = Place(tmp_path_factory.mktemp("odd"))
    for number, name in enumerate(ODD):
        enter(place, f"{name}", [f"{name}", f"s{number}"])
    folded(place)
    with shown(place.out) as client:
        for name in ODD:
            for address in addresses(name, name, f"{name}-v", "x").values():
                if "{" not in address and "/runs/" not in address and not address.startswith("/ex"):
                    found = client.get(address)
                    assert found.status_code == 200, (name[:40], address[:80], found.text[-200:])
                    assert "<script>" not in found.text
                    assert "<h1><bdi>" in found.text
