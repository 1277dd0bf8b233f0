"""Who may see what: for every view and role, what is theirs is answered, and nothing else is by any way of asking."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from rules_of_access import ANALYST, STUDENT, bearers, of_groups, rule
from serving import AWKWARD, Client, awkward_place, refused, served

from learnfold.catalog import load
from learnfold.errors import UsageError
from learnfold.serve.forms import pseudonym
from learnfold.serve.paging import cursor
from learnfold.serve.question import Question
from learnfold.serve.rules import read_access
from learnfold.serve.small_groups import SUPPRESSED
from learnfold.serve.tokens import add_token, new_token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from small_place import Place

    from learnfold.catalog import View

VIEWS = load().views
KEY = bytes(range(32))
COURSES = ("u1", "a/b")
LEAST = 5

ACCESS = "\n".join(
    [
        'pseudonym_key = "key"',
        STUDENT,
        rule("student", "assessment_grading_stats", column="student_id", claim="sub"),
        rule("teacher", column="course_id", roster="teaching.csv", older_batches=True),
        ANALYST,
        of_groups("public"),
        rule("admin", older_batches=True),
    ]
)

ROLES = ("student", "teacher", "analyst", "public", "admin")


class Asked:
    """A server, and the header of each role's caller."""

    def __init__(self, client: Client, headers: dict[str, dict[str, str]], batch: str) -> None:
        self.client, self.headers, self.batch = client, headers, batch

    def get(self, role: str, address: str, **more: str) -> Any:
        return self.client.get(address, headers=self.headers[role] | more)

    def rows(self, role: str, view: str, /, **parameters: str) -> list[dict[str, Any]]:
        found = self.get(role, f"/v1/views/{view}?{urlencode({'limit': '10000'} | parameters)}")
        assert found.status_code == 200, found.text
        return found.json()["rows"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Views over awkward events."""
    return awkward_place(tmp_path_factory.mktemp("access"))


@pytest.fixture(scope="module")
def asked(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A server with rules; each role's caller is u1."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "access.toml").write_text(ACCESS)
    (folder / "key").write_bytes(KEY)
    (folder / "teaching.csv").write_text("sub,value\nu1,u1\nu1,a/b\nu2,-2\n")
    headers = bearers(folder / "tokens.json", {role: {"sub": ("u1",)} for role in ROLES})
    text, token = new_token("both", None, role="student", claims={"sub": ("u1",)}, views=("video_*",))
    add_token(folder / "tokens.json", token)
    headers["confined"] = {"authorization": f"Bearer {text}"}
    more = {"open": False, "tokens": str(folder / "tokens.json"), "access": str(folder / "access.toml")}
    with served(place.out, **more) as client:
        yield Asked(client, headers, place.current().batch)


def whole(asked: Asked, view: str) -> list[dict[str, Any]]:
    """All rows, as an admin sees them; that these are the published file's is proven elsewhere."""
    return asked.rows("admin", view)


def theirs(role: str, view: View) -> Any:
    """Which rows are the role's; None: the view isn't at all."""
    columns = {column.name for column in view.columns}
    if role == "student":
        name = "user_id" if "user_id" in columns else "student_id" if "student_id" in columns else None
        return None if name is None else lambda row: row[name] == "u1"
    if role == "teacher":
        return (lambda row: row["course_id"] in COURSES) if "course_id" in columns else None
    return lambda _row: True


@pytest.mark.parametrize("role", ["student", "teacher"])
@pytest.mark.parametrize("name", VIEWS)
def test_a_role_sees_its_rows_and_no_others(name: str, role: str, asked: Asked) -> None:
    """Whole, by page and by export, and counted; a view that has nothing of theirs is refused, and isn't listed."""
    mine = theirs(role, VIEWS[name])
    listed = {view["view"] for view in asked.get(role, "/v1/views").json()["views"]}
    assert (name in listed) == (mine is not None)
    addresses = [f"/v1/views/{name}", f"/v1/views/{name}/export", f"/v1/explain/{name}/{VIEWS[name].key[0]}"]
    if mine is None:
        for address in addresses:
            refused(asked.get(role, address), 403, "forbidden")
        return
    expected = [row for row in whole(asked, name) if mine(row)]
    assert asked.rows(role, name) == expected
    assert asked.get(role, f"/v1/views/{name}/export?format=json").json() == expected
    assert asked.get(role, f"/v1/views/{name}?count=true&limit=1").json()["total"] == len(expected)
    assert asked.get(role, addresses[2]).status_code == 200


@pytest.mark.parametrize("role", ["student", "teacher"])
@pytest.mark.parametrize("name", VIEWS)
def test_no_way_of_asking_gives_someone_elses_row(name: str, role: str, asked: Asked) -> None:
    """By filter, key, order, cursor, several at once, another role, headers of a proxy, or another spelling of an id."""
    view, mine = VIEWS[name], theirs(role, VIEWS[name])
    if mine is None:
        return
    rows = whole(asked, name)
    others = [row for row in rows if not mine(row)]
    for row in others[:3]:
        where = {column: row[column] for column in view.key}
        filters = {f"{c}.is_null" if v is None else c: "true" if v is None else str(v) for c, v in where.items()}
        assert asked.rows(role, name, **filters) == []
        parts = "/".join(
            "~" if v is None else quote(f"~{v}" if str(v)[0] == "~" else str(v), safe="~") for v in where.values()
        )
        refused(asked.get(role, f"/v1/views/{name}/key/{parts}"), 404, "not_found")
        found = asked.client.post({"queries": [{"view": name, "where": where}]}, headers=asked.headers[role])
        assert found.json()["answers"][0]["rows"] == []
    refused(asked.get(role, f"/v1/views/{name}?as=admin"), 403, "forbidden")
    spoofed = {"x-forwarded-user": "u2", "x-forwarded-groups": "admin", "learnfold-role": "admin"}
    allowed = [row for row in rows if mine(row)]
    assert asked.rows(role, name) == allowed
    assert asked.get(role, f"/v1/views/{name}?limit=10000", **spoofed).json()["rows"] == allowed
    descending = ",".join(f"-{column}" for column in view.key)
    assert asked.rows(role, name, order=descending) == sorted_as(asked, name, descending, mine)
    for row in [None, *others[:2]]:
        question = Question(view)
        forged = cursor(question, asked.batch, [None if row is None else row[column] for column in view.key])
        assert all(mine(found) for found in asked.rows(role, name, after=forged))


def sorted_as(asked: Asked, view: str, order: str, mine: Any) -> list[dict[str, Any]]:
    """The rows of an admin in that order, without those that aren't the role's."""
    return [row for row in asked.rows("admin", view, order=order) if mine(row)]


@pytest.mark.parametrize("spelling", [" u1", "u1 ", "U1", "u\uff11", "u1%00", "~u1", "u%31", "u1'--", ""])
def test_an_id_spelt_otherwise_is_someone_else(spelling: str, asked: Asked) -> None:
    """An id is compared as it is."""
    for role in ("student", "admin"):
        found = asked.get(role, f"/v1/views/video_student_engagement?user_id={quote(spelling, safe='%')}")
        expected = {"u1"} if spelling == "u%31" else set()
        assert {row["user_id"] for row in found.json()["rows"]} == expected


def test_older_batches_are_for_those_whose_rule_says_so(asked: Asked) -> None:
    """By parameter, in a query, in an explanation and in a forged cursor."""
    view = "video_student_engagement"
    older = "20250101T000000-00000000"
    for batch in (asked.batch, older):
        for address in (f"/v1/views/{view}?batch={batch}", f"/v1/explain/{view}/user_id?batch={batch}"):
            refused(asked.get("student", address), 403, "forbidden")
        body = {"queries": [{"view": view}], "batch": batch}
        refused(asked.client.post(body, headers=asked.headers["student"]), 403, "forbidden")
    forged = cursor(Question(VIEWS[view]), older, [None, None])
    refused(asked.get("student", f"/v1/views/{view}?after={forged}"), 410, "batch_gone")
    assert asked.get("teacher", f"/v1/views/{view}?batch={asked.batch}").status_code == 200


def test_a_token_is_confined_to_its_views_whatever_its_role(asked: Asked) -> None:
    """The scope and the rules must both grant."""
    assert asked.get("confined", "/v1/views/video_student_engagement").status_code == 200
    refused(asked.get("confined", "/v1/views/auth_user_session_metrics"), 403, "forbidden")


def test_a_page_for_one_isnt_unchanged_for_another(asked: Asked) -> None:
    """What may be seen is part of an ETag."""
    tags = {
        asked.get(role, "/v1/views/video_student_engagement").headers["etag"]
        for role in ("student", "teacher", "admin")
    }
    assert len(tags) == 3


@pytest.mark.parametrize("name", VIEWS)
def test_an_analyst_reads_pseudonyms(name: str, asked: Asked) -> None:
    """Every row, no id of a person: each has one pseudonym, the same in every view, by which rows can be asked."""
    persons = [column.name for column in VIEWS[name].columns if column.names == "owner"]
    rows, real = asked.rows("analyst", name), whole(asked, name)
    assert len(rows) == len(real)
    expected = [{c: pseudonym(KEY, v) if c in persons and v is not None else v for c, v in row.items()} for row in real]
    assert sorted(map(repr, rows)) == sorted(map(repr, expected))
    for column in persons:
        shown = [row[column] for row in rows if row[column] is not None]
        assert not set(shown) & set(AWKWARD)
        asked_for = asked.rows("analyst", name, **{column: shown[0]})
        assert asked_for == [row for row in rows if row[column] == shown[0]]
        assert asked.rows("analyst", name, **{column: "u1"}) == []
        in_order = [row[column] for row in asked.rows("analyst", name, order=column) if row[column] is not None]
        assert in_order == sorted(in_order)


def test_a_pseudonym_depends_on_the_key_alone() -> None:
    """Another key gives others; the id can't be told from its form."""
    assert pseudonym(KEY, "u1") == pseudonym(KEY, "u1")
    assert len({pseudonym(KEY, f"u{number}") for number in range(1000)}) == 1000
    assert pseudonym(KEY, "u1") != pseudonym(KEY[::-1], "u1")
    assert len({len(pseudonym(KEY, text)) for text in ("", "u1", "x" * 500)}) == 1


BESIDE = {"course_material_reach", "forum_course_metrics"}
"""Views that set people, counted in one part of their SQL, beside what others count: of how many a row tells isn't sure."""


@pytest.mark.parametrize("name", VIEWS)
def test_the_public_sees_no_person_and_no_small_group(name: str, asked: Asked) -> None:
    """Views about persons, or that don't say how many people a row is about, are refused; of the others small groups are withheld."""
    view = VIEWS[name]
    people = [c.name for c in view.columns if c.source and c.source.startswith("COUNT(DISTINCT user_id)")]
    if not people or name in BESIDE or any(column.names == "owner" for column in view.columns):
        refused(asked.get("public", f"/v1/views/{name}"), 403, "forbidden")
        return
    real = {tuple(row[c] for c in view.key): row for row in whole(asked, name)}
    rows = asked.rows("public", name)
    assert len(rows) == len(real)
    for row in rows:
        about = real[tuple(row[c] for c in view.key)]
        few = min(about[c] for c in people) < LEAST
        assert row[SUPPRESSED] or not few
        for column in view.columns:
            value = row[column.name]
            if column.key:
                continue
            if row[SUPPRESSED]:
                assert value is None
            elif column.type == "BIGINT":
                assert value == about[column.name] // LEAST * LEAST


def test_withheld_numbers_cant_be_found_by_filter_or_order(asked: Asked) -> None:
    """A filter on a number that is withheld finds no row, whatever it asks; rows without numbers are ordered by key."""
    name = "course_daily_engagement"
    rows = asked.rows("public", name)
    withheld = [row for row in rows if row[SUPPRESSED]]
    assert withheld
    for filters in (
        {"unique_users.ge": "0"},
        {"unique_users.le": "100"},
        {"event_count": "1"},
        {"event_count.is_null": "false"},
    ):
        assert not any(row[SUPPRESSED] for row in asked.rows("public", name, **filters))
    ordered = [row for row in asked.rows("public", name, order="-event_count") if row[SUPPRESSED]]
    assert ordered == [row for row in rows if row[SUPPRESSED]]
    csv = asked.get("public", f"/v1/views/{name}?format=csv&select=course_id").text
    assert csv.splitlines()[0] == "course_id,suppressed"
    found = json.dumps(asked.get("public", f"/v1/explain/{name}/event_count").json()["topics"])
    assert "events" not in found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[rules]]\nrole = 'x'", "needs a role"),
        ("[[rules]]\nrole = 'x'\nviews = ['*']", 'rows = "all"'),
        ("[[rules]]\nrole = 'x'\nviews = ['*']\ncolumn = 'user_id'", "a claim or a roster"),
        ("[[rules]]\nrole = 'x'\nviews = ['*']\ncolumn = 'user_id'\nclaim = 'sub'\nrows = 'all'", 'rows = "all"'),
        ("[[rules]]\nrole = 'x'\nviews = ['nothing']\nrows = 'all'", "no view is called nothing"),
        ("[[rules]]\nrole = 'x'\nviews = ['*']\ncolumn = 'nothing'\nclaim = 'sub'", "grants nothing"),
        ("[[rules]]\nrole = 'x'\nviews = ['*']\nrows = 'all'\nleast_people = 1", "2 or more"),
        (
            "[[rules]]\nrole = 'x'\nviews = ['*']\nrows = 'all'\nleast_people = 5\nolder_batches = true",
            "older_batches left out",
        ),
        ("[[rules]]\nrole = 'x'\nviews = ['*']\nrows = 'all'\npseudonyms = true", "pseudonym_key"),
        ("[[rules]]\nrole = 'x'\nviews = ['*']\nrows = 'all'\nmask = true", "mask means nothing"),
        ("[[rules]]\nrole = 'x'\nviews = ['*']\ncolumn = 'course_id'\nroster = 'none.csv'", "is no roster"),
        ("pseudonym_key = 'short'", "has 3 bytes"),
        ("[oidc]\nissuer = 'https://x'", "needs audience"),
        ("[proxy]\nheader = 'x'", "header means nothing"),
        ("rules = [", "isn't TOML"),
        ("role = 'x'", "role means nothing"),
    ],
)
def test_a_file_that_cant_be_meant_is_refused(tmp_path: Path, text: str, why: str) -> None:
    """With the rule's number, and what is wrong with it."""
    (tmp_path / "access.toml").write_text(text)
    (tmp_path / "short").write_bytes(b"abc")
    with pytest.raises(UsageError) as raised:
        read_access(str(tmp_path / "access.toml"), load())
    assert why in str(raised.value)


def test_without_a_rule_nothing_is_granted(place: Place, tmp_path: Path) -> None:
    """A role that no rule names, and no role where there are rules: an empty list, and every view refused."""
    text, token = new_token("x", None, role="student", claims={"sub": ("u1",)})
    add_token(tmp_path / "tokens.json", token)
    headers = {"authorization": f"Bearer {text}"}
    with served(place.out, open=False, tokens=str(tmp_path / "tokens.json")) as client:
        assert client.json("/v1/views", headers=headers)["views"] == []
        for name in VIEWS:
            refused(client.get(f"/v1/views/{name}", headers=headers), 403, "forbidden")


def test_a_roster_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Whoever stops teaching a course stops seeing it."""
    from learnfold.serve.roster import Roster

    file = tmp_path / "teaching.csv"
    file.write_text("sub,value\nann,c1\nann,c2\nbob,c1\n")
    roster = Roster(file)
    assert roster.of("ann") == ("c1", "c2")
    assert roster.of("zoe") == ()
    file.write_text("sub,value\nbob,c1\n")
    assert roster.of("ann") == ()
