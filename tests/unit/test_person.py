"""How a person is told from everybody and everything else."""

from __future__ import annotations

import json

import pytest
import small_catalog
from small_catalog import ROLLUP, TOPIC

from learnfold import catalog
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.errors import UsageError
from learnfold.privacy.person import Person
from learnfold.privacy.person_sql import define_functions
from learnfold.settings import Settings


def person(user_id: str, *words: str) -> Person:
    """The person, as the shipped subjects' columns and ``words`` set them apart."""
    return Person.of(user_id, catalog.load(), words)


@pytest.fixture(scope="module")
def session():
    """A session to ask."""
    with DuckDBSession(Settings()) as session:
        yield session


def asked(session: DuckDBSession, who: Person, text: str) -> tuple[bool, str]:
    """Whether SQL says that the text names the person, and the text without them."""
    with session.cursor() as cursor:
        define_functions(cursor, who)
        named, blank = cursor.execute("SELECT erase_names(?), erase_blank(?)", [text, text]).fetchone() or (0, "")
    return bool(named), blank


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("U1", "[erased]"),
        ("see U1.", "see [erased]."),
        ("(U1),U1;U1", "([erased]),[erased];[erased]"),
        ("U1 U1 U1", "[erased] [erased] [erased]"),
        ("/files/U1/a.pdf", "/files/[erased]/a.pdf"),
        ("...U1...", "...[erased]..."),
        ("U1\nU1\tU1", "[erased]\n[erased]\t[erased]"),
        ('{"mentor": "U1"}', '{"mentor": "[erased]"}'),
        (r'{"mentor": "\u0055\u0031"}', '{"mentor": "[erased]"}'),
        (r'{"words": "ask\nU1"}', r'{"words": "ask\n[erased]"}'),
        ("/pictures/U1.jpg?size=2", "/pictures/[erased].jpg?size=2"),
        ("backup/U1.tar.gz", "backup/[erased].tar.gz"),
        (r"{\"mentor\": \"U1\"}", r"{\"mentor\": \"[erased]\"}"),
    ],
)
def test_an_id_is_found_where_it_stands_alone(session: DuckDBSession, text: str, without: str) -> None:
    """In words, addresses and JSON, escaped or not; Python and SQL agree."""
    assert person("U1").named_in(text)
    assert asked(session, person("U1"), text) == (True, without)


@pytest.mark.parametrize(
    "text",
    [
        "U10",
        "xU1",
        "u1",
        "U1-a",
        "a-U1",
        "U1@x.org",
        "U1.doe",
        "U1%2Edoe",
        "U1%C3%A9",
        "U1\\u00e9",
        "U1&eacute;",
        "a%2DU1",
        "U_1",
        "ỆU1",
        "U1\u0301",
        "",
        '{"course_id": "U1"}',
        "U 1",
    ],
)
def test_a_part_of_something_longer_is_somebody_else(session: DuckDBSession, text: str) -> None:
    """Another id, an address, a file's name, a course that happens to be called the same."""
    assert not person("U1").named_in(text)
    assert asked(session, person("U1"), text) == (False, text)


@pytest.mark.parametrize("user_id", ["Nguyễn01", "a/b", 'a"b', "a'b", "a\\b", "a.b*(c)", "😀1", "x y", "U1@uni.edu"])
def test_any_id_is_found_and_blanked_in_json(session: DuckDBSession, user_id: str) -> None:
    """Quotes, slashes, letters of any script: as the text of JSON holds them, ASCII or not; the rest stays JSON."""
    for ascii_only in (True, False):
        text = json.dumps({"words": f"ask {user_id} now", "course_id": user_id, "n": 1}, ensure_ascii=ascii_only)
        named, blank = asked(session, person(user_id), text)
        assert named
        assert json.loads(blank) == {"words": "ask [erased] now", "course_id": user_id, "n": 1}
        assert person(user_id).named_in(text)
        assert not person(user_id + "0").named_in(text)


@pytest.mark.parametrize(
    "user_id", ["7", "12.5", "-3", "1e5", "x", "student", "video", "LOGIN", "course_id", "null", "data"]
)
def test_a_number_or_common_word_is_not_looked_for_in_words(session: DuckDBSession, user_id: str) -> None:
    """It would be found everywhere; only as the value of a field that identifies a person it means one."""
    who = person(user_id, "data", "views")
    assert not who.distinctive
    text = json.dumps({"correct_answers": 7, "words": f"see {user_id} there"})
    assert asked(session, who, text)[0] is False
    assert not who.named_in(text)
    assert who.named_in(f'{{"user_id": "{user_id}", "broken')
    assert who.named_in(f"student_id={user_id};")
    assert not who.named_in(f'{{"user_id": "{user_id}0"')


def test_a_blank_id_is_refused() -> None:
    """It would be everybody who has none."""
    with pytest.raises(UsageError, match="blank"):
        person("  ")


def test_an_id_is_told_by_the_white_space_around_it_no_more_than_the_views_do() -> None:
    """What is asked for is trimmed."""
    assert person(" U1\n").id == "U1"


def test_what_a_field_may_name_is_said_on_its_line_in_the_subject() -> None:
    """A field that says nothing is searched; one that can't name a person isn't, nor is a column that is made of such alone."""
    topic = TOPIC.replace("-- the book", "-- the book (names no person)").replace(
        "-- what it cost",
        "-- what it cost\n, shelf VARCHAR -- where it stands\n, lender VARCHAR -- who lent it (whose event it is)",
    )
    rollup = ROLLUP.replace(
        "  book_id,\n", "  book_id,\n  upper(shelf) AS place, -- where\n  book_id || '!' AS book, -- which\n"
    )
    found = small_catalog.read(topic, rollup)
    who = Person.of("U1", found, ())
    assert who.owners == ("user_id", "lender")
    assert {"shelf", "place"} <= who.searched
    assert {"book_id", "book"} <= who.named
    assert not {"book_id", "book", "times"} & who.searched
    assert [field.comment for field in found.topic("book_topic").fields if field.name == "book_id"] == ["the book"]


def test_the_fields_of_the_contract_that_are_not_searched_are_ids_of_things_kinds_and_times() -> None:
    """All words of people are searched; whose an event is say two fields alone."""
    fields = [field for topic in catalog.load().topics.values() for field in topic.fields]
    assert {field.name for field in fields if field.names == "owner"} == {"user_id", "student_id"}
    searched = {field.name for field in fields if field.names == "anyone" and field.type == "VARCHAR"}
    assert {"email", "file_url", "feedback", "new_value", "picture_url", "related_object_id", "course_name"} == searched


@pytest.mark.parametrize(
    ("event", "theirs"),
    [
        ('{"user_id": 1001.0}', True),
        ('{"user_id": 1.001e3}', True),
        ('{"user_id": 1001}', True),
        ('{"user_id": "1001"}', True),
        ('{"user_id": "1001.0"}', False),
        ('{"user_id": 1001.5}', False),
        ('{"user_id": 10010, "score": 1001.0}', False),
    ],
)
def test_a_number_is_the_person_whose_id_it_is_read_as(session: DuckDBSession, event: str, theirs: bool) -> None:
    """As events are read: a whole number is its digits, a text is what it is."""
    with session.cursor() as cursor:
        define_functions(cursor, person("1001"))
        (found,) = cursor.execute("SELECT coalesce(erase_is_event(?), false)", [event]).fetchone() or (None,)
    assert found is theirs
