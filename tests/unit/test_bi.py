"""What docs/bi.md tells Excel, Power BI, Grafana and Superset to ask is answered with what it says comes."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from serving import Client, awkward_place, served

from learnfold.catalog import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from small_place import Place

PAGE = (Path(__file__).parents[2] / "docs" / "bi.md").read_text("utf-8")


def blocks(kind: str, heading: str) -> list[str]:
    """The page's blocks of that kind below a heading."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert section is not None
    return re.findall(rf"^```{kind}\n(.*?)^```", section[1], re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Views over awkward events."""
    return awkward_place(tmp_path_factory.mktemp("bi"))


@pytest.fixture(scope="module")
def client(place: Place) -> Iterator[Client]:
    """A server of them."""
    with served(place.out) as client:
        yield client


def asked(client: Client, power_query: str) -> httpx.Response:
    """What the server answers to the ``Web.Contents`` of a query in M."""
    (path,) = re.findall(r'RelativePath = "([^"]+)"', power_query)
    (query,) = re.findall(r"Query = \[([^\]]+)\]", power_query)
    (scheme,) = re.findall(r'Headers = \[Authorization = "(\w+) lf_', power_query)
    assert scheme == "Bearer"
    parameters = urlencode(re.findall(r'(\w+) = "([^"]*)"', query))
    found = client.get(f"/{path}?{parameters}")
    assert found.status_code == 200, found.text
    return found


def test_excel_reads_a_view_as_csv(client: Client, place: Place) -> None:
    """By the code page and the separator that the query names: every row, under the view's names."""
    (query,) = blocks("m", "Excel")
    assert 'Delimiter = ",", Encoding = 65001' in query
    frame = pd.read_csv(io.StringIO(asked(client, query).content.decode("utf-8")), sep=",")
    assert list(frame.columns) == [column.name for column in load().view("video_popularity").columns]
    assert len(frame) == len(place.rows("video_popularity"))


def test_power_bi_reads_a_view_with_its_types(client: Client, place: Place) -> None:
    """As the published Parquet has them."""
    (query,) = blocks("m", "Power BI")
    assert "Parquet.Document(Answer)" in query
    table = pq.read_table(io.BytesIO(asked(client, query).content))
    assert table.schema.field("date").type == "date32[day]"
    assert table.num_rows == len(place.rows("video_daily_engagement"))


def test_grafana_reads_a_time_range(client: Client, place: Place) -> None:
    """Its own marks for the time range filled in: the rows of these days below ``rows``, in order."""
    (address,) = blocks("", "Grafana")
    filled = address.strip().removeprefix("https://views.example")
    for mark, day in (("${__from:date:YYYY-MM-DD}", "2025-12-02"), ("${__to:date:YYYY-MM-DD}", "2025-12-03")):
        assert mark in filled
        filled = filled.replace(mark, day)
    rows = client.json(filled)["rows"]
    expected = {row["date"]: row["daily_active_users"] for row in place.rows("auth_daily_active_users")}
    days = [date(2025, 12, 2), date(2025, 12, 3)]
    assert [(row["date"], row["daily_active_users"]) for row in rows] == [(d.isoformat(), expected[d]) for d in days]
    assert client.json("/v1/views/auth_daily_active_users?order=-date&limit=1")["rows"][0]["date"] == "2025-12-04"


def test_superset_reads_a_database_of_names(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's script makes it; it holds no rows, so that it shows the batch that is published when it is asked."""
    (script,) = blocks("python", "Superset")
    monkeypatch.chdir(tmp_path)
    exec(compile(script.replace("/srv/views", str(place.out)), "docs/bi.md", "exec"), {})
    with duckdb.connect(str(tmp_path / "views.duckdb"), read_only=True) as connection:
        for name in load().views:
            (count,) = connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0]
            assert count == len(place.rows(name)), name
