"""The dashboard's pages: bytes, when they are painted, how long the server takes; of courses, people and videos drawn from what is there.

Painted in Chromium, cold, its processor slowed four times, at 9 Mbit/s and 40 ms: the largest paint, and for how long tasks blocked the page.

Checked: the views against plain SQL over the events; on each course's page, numbers of its last week against the published files.
"""

from __future__ import annotations

import html
import random
import re
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import duckdb

from benchmarks.answers import compared
from benchmarks.bench import Bench, WrongAnswerError, expected_views, same_views
from benchmarks.child import learnfold, measure
from benchmarks.data import Dataset, data_folder
from benchmarks.server import Server
from benchmarks.serving import share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser

DATASETS = {"tiny": Dataset(20_000, 10), "small": Dataset(1_000_000), "full": Dataset(100_000_000)}
ASKED = {"tiny": 2, "small": 40, "full": 100}
"""Pages of each kind: of as many courses, people or videos."""

SLOWER = 4
NETWORK = {"offline": False, "latency": 40, "downloadThroughput": 9e6 / 8, "uploadThroughput": 3e6 / 8}
PAINT = """() => new Promise((done) => {
  let blocked = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) blocked += Math.max(one.duration - 50, 0); })
    .observe({ type: "longtask", buffered: true });
  new PerformanceObserver((list) => {
    const largest = list.getEntries().at(-1).startTime;
    setTimeout(() => done([largest, blocked]), 300);
  }).observe({ type: "largest-contentful-paint", buffered: true });
})"""


@dataclass(frozen=True)
class Kind:
    """Pages of one kind."""

    route: str
    addresses: Sequence[str]


def run(bench: Bench) -> None:
    """Make views of the whole semester, serve them, ask for every kind of page, and paint one of each."""
    dataset = DATASETS[bench.scale]
    data_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dashboard-", dir=data_folder()) as scratch:
        out = Path(scratch, "out")
        measure(learnfold("run", dataset.path, out))
        if bench.scale != "full":  # plain SQL over 100 million events takes longer than all else together
            same_views(expected_views(dataset.path, dataset.name), out)
            bench.checked.append(f"{len(compared())} views: every row, against plain SQL over the events")
        kinds = list(_kinds(out, ASKED[bench.scale]))
        with Server(out) as server:
            rows = [_of_server(server, kind) for kind in kinds]
            bench.checked.append(
                f"on {_checked(server, out, kinds)} pages of courses, numbers against the published files"
            )
            painted = _painted(server, kinds)
            bench.left_out += [] if painted else ["paints: there is no Chromium or no playwright here"]
        people = (
            f"SELECT count(DISTINCT course_id), count(DISTINCT user_id) FROM '{_file(out, 'course_material_access')}'"
        )
        [(courses, students)] = duckdb.sql(people).fetchall()
    title = f"{dataset.rows:,} events, {courses:,} courses, {students:,} students"
    bench.table(title, ["page", "asked", "kB, packed", "server's p50 ms", "p95 ms", "largest ms"], rows)
    if painted:
        bench.table("In Chromium, cold", ["page", "kB in all", "largest paint, s", "blocked, s"], painted)


def _file(out: Path, view: str) -> Path:
    return out / view / "part-00000.parquet"


def _kinds(out: Path, count: int) -> Iterator[Kind]:
    """Every kind of page that has people, courses or videos, with addresses drawn from what is there, the same each time."""
    chance = random.Random(17)

    def drawn(view: str, columns: str) -> list[tuple[Any, ...]]:
        known = " AND ".join(f"{name} IS NOT NULL" for name in columns.split(", "))
        rows = duckdb.sql(f"SELECT DISTINCT {columns} FROM '{_file(out, view)}' WHERE {known} ORDER BY ALL").fetchall()
        return [chance.choice(rows) for _ in range(count)]

    courses = [quote(str(course), safe="") for (course,) in drawn("course_overall_metrics", "course_id")]
    yield Kind("/", ["/"] * count)
    for part in ("", "/students", "/videos", "/assignments", "/quizzes", "/material", "/messages", "/forum"):
        yield Kind(f"/c/{{course}}{part}", [f"/c/{course}{part}" for course in courses])
    people = drawn("video_student_engagement", "course_id, user_id")
    yield Kind("/c/{course}/s/{student}", [f"/c/{quote(c, safe='')}/s/{quote(who, safe='')}" for c, who in people])
    videos = drawn("video_popularity", "course_id, video_id")
    yield Kind("/c/{course}/videos/{video}", [f"/c/{quote(c, safe='')}/videos/{quote(v, safe='')}" for c, v in videos])
    pairs = [f"/compare?of={one}&of={other}" for one, other in zip(courses, reversed(courses), strict=True)]
    yield Kind("/compare", pairs)
    yield Kind("/explore/{view}", [f"/explore/video_popularity?course_id={course}" for course in courses])


def _of_server(server: Server, kind: Kind) -> list[str]:
    """A line of the table: the first page of a kind isn't counted, since what it asks isn't known yet."""
    server.get(kind.addresses[0])
    answers = [server.get(address, packed=True) for address in kind.addresses]
    times = sorted(answer.ms for answer in answers)
    size = statistics.median(len(answer.body) for answer in answers) / 1e3
    figures = [share(times, 0.5), share(times, 0.95), times[-1]]
    return [kind.route, str(len(times)), f"{size:,.1f}", *(f"{ms:,.1f}" for ms in figures)]


def _checked(server: Server, out: Path, kinds: Sequence[Kind]) -> int:
    """How many pages of courses were compared; raises WrongAnswerError for a number that isn't the published one."""
    addresses = sorted(set(next(kind for kind in kinds if kind.route == "/c/{course}").addresses))
    for address in addresses:
        course = unquote(address.rpartition("/")[2])
        weeks = f"SELECT max(week) FROM '{_file(out, 'course_week_engagement')}' WHERE course_id = ?"
        [(week,)] = duckdb.sql(weeks, params=[course]).fetchall()
        page = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", server.get(address).body.decode())))
        for view, column, label in (
            ("assessment_submission_distribution", "submissions_count", "Handed in"),
            ("video_daily_engagement", "total_watch_hours", "Hours of video"),
        ):
            sql = (
                f"SELECT coalesce(sum({column}), 0) FROM '{_file(out, view)}' "
                "WHERE course_id = $1 AND date BETWEEN $2 AND $2 + INTERVAL 6 DAY"
            )
            [(expected,)] = duckdb.sql(sql, params=[course, week]).fetchall()
            if f"{label} ? {float(expected):,.0f} " not in page:
                raise WrongAnswerError(f"{address}: {label} isn't {expected}")
    return len(addresses)


def _painted(server: Server, kinds: Sequence[Kind]) -> list[list[str]]:
    """A line for the first page of each kind; none where there is no browser."""
    path = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return []
    if path is None:
        return []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        lines = [_paint(browser, f"http://127.0.0.1:{server.port}", kind) for kind in kinds]
        browser.close()
    return lines


def _paint(browser: Browser, host: str, kind: Kind) -> list[str]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    told = context.new_cdp_session(page)
    sizes: list[float] = []
    told.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    told.send("Network.enable")
    told.send("Network.emulateNetworkConditions", NETWORK)
    told.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(host + kind.addresses[-1], wait_until="load")
    largest, blocked = page.evaluate(PAINT)
    context.close()
    return [kind.route, f"{sum(sizes) / 1e3:,.0f}", f"{largest / 1e3:.2f}", f"{blocked / 1e3:.2f}"]
