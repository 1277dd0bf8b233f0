"""What the server answers is what the published files hold: by any filter, order, page and format."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import Client, awkward_place, refused, served

from learnfold.catalog import load
from learnfold.serve.question import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from small_place import Place

    from learnfold.catalog import Column, View

VIEWS = load().views
OPERATORS = {"eq": "=", "ne": "IS DISTINCT FROM", "ge": ">=", "le": "<="}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Views over awkward events."""
    return awkward_place(tmp_path_factory.mktemp("serve"))


@pytest.fixture(scope="module")
def client(place: Place) -> Iterator[Client]:
    """A server of them."""
    with served(place.out) as found:
        yield found


@pytest.fixture(scope="module")
def published(place: Place) -> Iterator[duckdb.DuckDBPyConnection]:
    """The files at their plain paths, as views."""
    with duckdb.connect() as connection:
        for name in VIEWS:
            connection.execute(f"CREATE VIEW {name} AS FROM '{place.out / name}/part-00000.parquet'")
        yield connection


def shown(value: Any) -> Any:
    """A value as an answer shows it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value


def rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
    """What plain SQL says, as an answer shows it."""
    cursor = connection.execute(sql, parameters or [])
    names = [column[0] for column in cursor.description]
    return [{name: shown(value) for name, value in zip(names, row, strict=True)} for row in cursor.fetchall()]


@st.composite
def questions(
    draw: st.DrawFn, view: View, published: duckdb.DuckDBPyConnection
) -> tuple[list[tuple[str, str]], str, list]:
    """An address's parameters, and the same question in plain SQL."""
    parameters: list[tuple[str, str]] = []
    conditions, given_ = [], []
    for column in draw(st.lists(st.sampled_from(view.columns), max_size=3, unique_by=lambda c: c.name)):
        held = [row[0] for row in published.execute(f"SELECT DISTINCT {column.name} FROM {view.name}").fetchall()]
        values = [value for value in held if value is not None]
        operator = draw(st.sampled_from([*OPERATORS, "in", "is_null"] if values else ["is_null"]))
        if operator == "is_null":
            wanted = draw(st.booleans())
            parameters.append((f"{column.name}.is_null", str(wanted).lower()))
            conditions.append(f"({column.name} IS NULL) = {wanted}")
        elif operator == "in":
            chosen = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
            parameters += [(f"{column.name}.in", _text(value)) for value in chosen]
            conditions.append(f"list_contains(?, {column.name})")
            given_.append(chosen)
        else:
            value = draw(st.sampled_from(values))
            parameters.append((column.name if operator == "eq" else f"{column.name}.{operator}", _text(value)))
            conditions.append(f"{column.name} {OPERATORS[operator]} ?")
            given_.append(value)
    order = [
        (column.name, draw(st.booleans()))
        for column in draw(st.lists(st.sampled_from(view.columns), max_size=2, unique_by=lambda c: c.name))
    ]
    if order:
        parameters.append(("order", ",".join(f"-{name}" if down else name for name, down in order)))
    select = draw(st.lists(st.sampled_from([c.name for c in view.columns]), max_size=4, unique=True))
    if select:
        parameters.append(("select", ",".join(select)))
    ordered = dict(order) | {name: dict(order).get(name, False) for name in view.key}
    by = ", ".join(f"{n} DESC NULLS LAST" if down else f"{n} ASC NULLS FIRST" for n, down in ordered.items())
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    columns = ", ".join(select) or ", ".join(c.name for c in view.columns)
    return parameters, f"SELECT {columns} FROM {view.name}{where} ORDER BY {by}", given_


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(shown(value))


@pytest.mark.parametrize("name", VIEWS)
@given(data=st.data())
def test_pages_put_together_are_what_plain_sql_says_of_the_published_file(
    name: str, client: Client, published: duckdb.DuckDBPyConnection, data: st.DataObject
) -> None:
    """Whatever filters, order and columns: all pages, one after the other, are the whole, each row once and in order."""
    parameters, sql, values = data.draw(questions(VIEWS[name], published))
    expected = rows(published, sql, values)
    limit = data.draw(st.sampled_from([3, 7, 50, 10_000]))
    if len(expected) > 30 * limit:
        limit = 200
    found, after = [], None
    while True:
        asked = [*parameters, ("limit", str(limit)), ("count", "true"), *([("after", after)] if after else [])]
        page = client.json(f"/v1/views/{name}?{urlencode(asked)}")
        assert page["total"] == len(expected)
        assert len(page["rows"]) <= limit
        found += page["rows"]
        after = page["next"]
        if after is None:
            break
    assert found == expected


@pytest.mark.parametrize("name", VIEWS)
def test_every_row_is_found_by_its_key(name: str, client: Client, published: duckdb.DuckDBPyConnection) -> None:
    """Keys with slashes, quotes, tildes and line breaks among them, and NULL."""
    view = VIEWS[name]
    for row in rows(published, f"SELECT * FROM {name} USING SAMPLE 25 ROWS (reservoir, 3)"):
        parts = [_key(row[column]) for column in view.key]
        assert client.json(f"/v1/views/{name}/key/{'/'.join(parts)}")["row"] == row


def _key(value: Any) -> str:
    if value is None:
        return "~"
    text = str(value)
    return quote(f"~{text}" if text.startswith("~") else text, safe="~")


@pytest.mark.parametrize("name", VIEWS)
def test_every_format_holds_the_same_rows(
    name: str, client: Client, place: Place, published: duckdb.DuckDBPyConnection
) -> None:
    """A page and an export, in each format: the rows and types of the published file."""
    order = ", ".join(f"{column} NULLS FIRST" for column in VIEWS[name].key)
    expected = rows(published, f"SELECT * FROM {name} ORDER BY {order}")
    assert expected
    schema = pq.read_schema(place.out / name / "part-00000.parquet")
    for address in (f"/v1/views/{name}?limit=10000&", f"/v1/views/{name}/export?"):
        answer = client.json(f"{address}format=json")
        assert (answer if "export" in address else answer["rows"]) == expected
        lines = client.get(f"{address}format=ndjson").text.split("\n")
        assert [json.loads(line) for line in lines if line] == expected
        text = client.get(f"{address}format=csv").text
        _, *cells = csv.reader(io.StringIO(text, newline=""))
        assert [list(map(_number, row)) for row in cells] == [_as_csv(row) for row in expected]
        parquet = pq.read_table(io.BytesIO(client.get(f"{address}format=parquet").content))
        arrow = pa.ipc.open_stream(client.get(f"{address}format=arrow").content).read_all()
        for table in (parquet, arrow):
            found = [{column: shown(value) for column, value in row.items()} for row in table.to_pylist()]
            assert found == expected
            assert [(f.name, f.type) for f in table.schema] == [(f.name, f.type) for f in schema]


def _as_csv(row: dict[str, Any]) -> list[Any]:
    return ["" if v is None else float(v) if isinstance(v, float | int) else _guarded(v) for v in row.values()]


def _guarded(text: str) -> str:
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def test_several_questions_are_answered_from_one_batch(client: Client) -> None:
    """In their order, each as its own address answers it."""
    queries = [
        {
            "view": "video_popularity",
            "where": {"course_id": None},
            "order": ["-unique_viewers"],
            "limit": 2,
            "count": True,
        },
        {"view": "auth_daily_active_users", "where": {"date": {"ge": "2025-12-02", "le": "2025-12-03"}}},
        {
            "view": "video_total_watch_time",
            "where": {"user_id": {"in": ["u1", "a/b"]}, "total_watch_sessions": {"ge": 2}},
        },
    ]
    found = client.post({"queries": queries})
    assert found.status_code == 200, found.text
    addresses = [
        "video_popularity?course_id.is_null=true&order=-unique_viewers&limit=2&count=true",
        "auth_daily_active_users?date.ge=2025-12-02&date.le=2025-12-03",
        "video_total_watch_time?user_id.in=u1&user_id.in=a/b&total_watch_sessions.ge=2",
    ]
    expected = [client.json(f"/v1/views/{address}") for address in addresses]
    assert found.json()["answers"] == [{k: v for k, v in answer.items() if k != "batch"} for answer in expected]
    assert {answer["batch"] for answer in expected} == {found.json()["batch"]}


def test_accept_chooses_the_format(client: Client) -> None:
    """By what is wanted most; an exact type before a pattern; what isn't known is refused."""
    for accept, expected in {
        "": "application/json",
        "*/*": "application/json",
        "text/csv": "text/csv; charset=utf-8",
        "text/html, application/x-ndjson;q=0.5, */*;q=0.1": "application/x-ndjson",
        "application/json;q=0.2, text/*": "text/csv; charset=utf-8",
        "*/*, application/vnd.apache.parquet": "application/vnd.apache.parquet",
    }.items():
        found = client.get("/v1/views/auth_daily_active_users", headers={"accept": accept})
        assert (accept, found.headers["content-type"]) == (accept, expected)
    refused(client.get("/v1/views/auth_daily_active_users", headers={"accept": "text/html"}), 406, "not_acceptable")
    refused(client.get("/v1/views/auth_daily_active_users?format=xml"), 406, "not_acceptable")


def test_what_was_read_before_isnt_sent_again(client: Client) -> None:
    """The ETag of an answer, given back, is answered by 304, and by 200 where anything else is asked."""
    address = "/v1/views/video_popularity?limit=5"
    tag = client.get(address).headers["etag"]
    again = client.get(address, headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    for other in (f"{address}&format=csv", f"{address}&count=true", "/v1/views/video_popularity?limit=6"):
        assert client.get(other, headers={"if-none-match": tag}).status_code == 200


def test_a_large_text_is_packed_for_those_who_take_it(client: Client) -> None:
    """By gzip; Parquet is packed already."""
    for name, expected in {"json": "gzip", "csv": "gzip", "parquet": None}.items():
        found = client.get(
            f"/v1/views/video_total_watch_time?limit=200&format={name}", headers={"accept-encoding": "gzip"}
        )
        assert (name, found.headers.get("content-encoding")) == (name, expected)


def test_a_page_says_where_the_next_begins_in_every_format(client: Client) -> None:
    """CSV has no room for it, so a header does, as an address to go on with."""
    found = client.get("/v1/views/video_total_watch_time?limit=3&format=csv&user_id.ne=x%26y")
    address = found.headers["link"].partition(">")[0].removeprefix("<")
    following = client.get(address)
    assert following.status_code == 200
    assert following.headers["learnfold-batch"] == found.headers["learnfold-batch"]
    whole = client.get("/v1/views/video_total_watch_time?limit=6&format=csv&user_id.ne=x%26y")
    assert found.text + following.text.partition("\n")[2] == whole.text


def test_a_column_is_explained(client: Client) -> None:
    """Its meaning, SQL, rollups and topics, and what the batch holds and left out."""
    found = client.json("/v1/explain/video_popularity/unique_viewers")
    assert found["meaning"] == "people, not plays"
    assert found["sql"] == "COUNT(DISTINCT user_id)"
    assert [rollup["rollup"] for rollup in found["made_from"]] == ["video_watches", "video_visits"]
    assert found["topics"]["video_topic"]["newest_day"] == "2025-12-04"
    assert found["batch"] == client.json("/v1/freshness")["batch"]
    refused(client.get("/v1/explain/video_popularity/viewers"), 404, "not_found")


def test_the_views_are_listed_with_their_columns(client: Client) -> None:
    """All of the catalogue, as it says."""
    found = client.json("/v1/views")["views"]
    assert [view["view"] for view in found] == list(VIEWS)
    by_name = {view["view"]: view for view in found}
    columns = [(c["name"], c["type"], c["key"]) for c in by_name["video_popularity"]["columns"]]
    assert columns == [(c.name, c.type, c.key) for c in VIEWS["video_popularity"].columns]


def test_no_column_is_called_as_a_parameter() -> None:
    """Else it couldn't be filtered by."""
    columns: set[str] = {column.name for view in VIEWS.values() for column in view.columns}
    assert columns.isdisjoint(PARAMETERS)


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/v1/views/nothing", 404, "not_found"),
        ("/nothing", 404, "not_found"),
        ("/v1/views/", 404, "not_found"),
        ("/v1/views/video_popularity?viewers=3", 400, "unknown_parameter"),
        ("/v1/views/video_popularity?unique_viewers.gt=3", 400, "unknown_parameter"),
        ("/v1/views/video_popularity?unique_viewers.ge=three", 400, "bad_value"),
        ("/v1/views/video_popularity?unique_viewers.ge=9223372036854775808", 400, "bad_value"),
        ("/v1/views/video_popularity?total_views_hours=nan", 400, "bad_value"),
        ("/v1/views/video_popularity?total_views_hours.le=1e999", 400, "bad_value"),
        ("/v1/views/video_popularity?unique_viewers=1&unique_viewers=2", 400, "bad_request"),
        ("/v1/views/video_popularity?course_id.is_null=maybe", 400, "bad_value"),
        ("/v1/views/video_popularity?course_id=%ff", 400, "bad_request"),
        ("/v1/views/video_popularity?select=nothing", 400, "unknown_parameter"),
        ("/v1/views/video_popularity?select=course_id,course_id", 400, "bad_request"),
        ("/v1/views/video_popularity?order=--course_id", 400, "unknown_parameter"),
        ("/v1/views/video_popularity?limit=0", 400, "bad_value"),
        ("/v1/views/video_popularity?limit=10001", 400, "bad_value"),
        ("/v1/views/video_popularity?limit=5&limit=6", 400, "bad_request"),
        ("/v1/views/video_popularity?after=nonsense", 400, "bad_cursor"),
        ("/v1/views/video_popularity?batch=20250101T000000-00000000", 410, "batch_gone"),
        ("/v1/views/video_popularity?batch=../../etc/passwd", 410, "batch_gone"),
        ("/v1/views/video_popularity?as=admin", 403, "forbidden"),
        ("/v1/views/video_popularity/key/a", 400, "bad_request"),
        ("/v1/views/video_popularity/key/nobody/nowhere", 404, "not_found"),
        ("/v1/views/video_popularity/key/~x/c", 400, "bad_value"),
        ("/v1/views/video_popularity/key/%ff/c", 400, "bad_value"),
        ("/v1/views/video_popularity/export?limit=3", 400, "bad_request"),
        ("/v1/views/auth_daily_active_users?date=2025-13-01", 400, "bad_value"),
        ("/v1/views/auth_user_activity_summary?first_activity.ge=today", 400, "bad_value"),
        ("/v1/freshness?x=1", 400, "unknown_parameter"),
    ],
)
def test_what_cant_be_answered_is_refused_with_a_code_and_a_hint(
    client: Client, address: str, status: int, code: str
) -> None:
    """As problem+json, never by a traceback."""
    refused(client.get(address), status, code)


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (b"{", "bad_request", 400),
        (b"[]", "bad_request", 400),
        (b'{"queries": []}', "bad_request", 400),
        (b'{"queries": [3]}', "bad_request", 400),
        (b'{"queries": [{"view": "video_popularity", "limit": NaN}]}', "bad_request", 400),
        (b'{"queries": [{"view": "video_popularity", "whatever": 1}]}', "unknown_parameter", 400),
        (b'{"queries": [{"view": "video_popularity", "where": {"course_id": {"in": []}}}]}', "bad_value", 400),
        (b'{"queries": [{"view": "video_popularity", "where": {"unique_viewers": 1.5}}]}', "bad_value", 400),
        (b'{"queries": [{"view": "video_popularity", "where": []}]}', "bad_request", 400),
        (b'{"queries": [{"view": "nothing"}]}', "not_found", 404),
        (b'{"queries": [{"view": "video_popularity"}], "batch": 3}', "bad_value", 400),
        (b"[" * 30_000, "bad_request", 400),
    ],
)
def test_a_body_that_asks_nothing_sensible_is_refused(client: Client, body: bytes, code: str, status: int) -> None:
    """With the place of the query that is wrong."""
    found = client.ask("POST", "/v1/query", content=body, headers={"content-type": "application/json"})
    refused(found, status, code)


def test_only_what_an_address_knows_is_done_there(client: Client) -> None:
    """A view can't be written, and a query is posted as JSON."""
    refused(client.ask("DELETE", "/v1/views/video_popularity"), 405, "method_not_allowed")
    refused(client.get("/v1/query"), 405, "method_not_allowed")
    refused(client.ask("POST", "/v1/query", content=b"a=1"), 415, "unsupported_media_type")


def column_named(view: View, name: str) -> Column:
    """The view's column of that name."""
    return next(column for column in view.columns if column.name == name)


def test_a_time_with_an_offset_is_the_same_instant(client: Client) -> None:
    """Times are compared in UTC, however they are written."""
    row = client.json("/v1/views/auth_user_activity_summary?limit=1")["rows"][0]
    moment = row["first_activity"]
    assert column_named(VIEWS["auth_user_activity_summary"], "first_activity").type == "TIMESTAMP"
    same = f"{int(moment[11:13]) + 1:02d}" if moment[11:13] != "23" else None
    for text in (
        moment,
        moment.rstrip("Z"),
        *([f"{moment[:11]}{same}{moment[13:].rstrip('Z')}+01:00"] if same else []),
    ):
        asked = urlencode({"first_activity": text, "user_id": row["user_id"]})
        assert row in client.json(f"/v1/views/auth_user_activity_summary?{asked}")["rows"]
