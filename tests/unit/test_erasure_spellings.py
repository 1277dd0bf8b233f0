"""Wherever and however a person's id is written, an erasure finds it, or says what it couldn't look into."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import json
import lzma
import re
import unicodedata
from pathlib import Path
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_place import Place, learnfold

from conftest import tries
from learnfold import catalog
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.errors import DataError
from learnfold.privacy.erase import erase
from learnfold.privacy.erasure import Erasure
from learnfold.privacy.person import Person
from learnfold.privacy.person_sql import define_functions
from learnfold.settings import Settings

WHO = "josé@uni.example"
NFD = unicodedata.normalize("NFD", WHO)

WAYS = {
    "as it is": WHO,
    "decomposed": NFD,
    "in capitals": WHO.upper(),
    "decomposed in capitals": NFD.title(),
    "percent-encoded": quote(WHO),
    "percent-encoded, small digits": quote(WHO).lower(),
    "percent-encoded twice": quote(quote(WHO)),
    "percent-encoded three times": quote(quote(quote(WHO))),
    "percent-encoded, decomposed": quote(NFD),
    "percent-encoded, all of it": "".join(f"%{byte:02x}" for byte in WHO.encode()),
    "percent-encoded in Latin-1": quote(WHO, encoding="latin-1"),
    "escaped by JavaScript": "jos%u00e9%40uni.example",
    "in an address": f"https://lms.example/u/{quote(WHO)}/p.png?size=2",
    "in a query": f"https://lms.example/msg?to={quote(WHO)}&cc=x",
    "behind an encoded slash": f"https://x.example/?next=%2Fu%2F{quote(WHO)}%2Fa",
    "before an ending": f"/avatars/{WHO}.jpg",
    "before two endings": f"{quote(WHO)}.tar.gz",
    "as a mail address": f"mailto:{WHO}",
    "in words": f"ask {WHO}, please.",
    "in brackets": f"José <{WHO}>",
    "in JSON": json.dumps({"who": WHO}),
    "in JSON, raw": json.dumps({"who": WHO}, ensure_ascii=False),
    "as a key in JSON": json.dumps({"votes": {WHO: 3}}),
    "in JSON in JSON": json.dumps({"a": json.dumps({"who": WHO})}),
    "in JSON in JSON in JSON": json.dumps({"a": json.dumps({"b": json.dumps({"who": WHO})})}),
    "in JSON with capital digits": json.dumps({"who": WHO}).replace("00e9", "00E9"),
    "in JSON with each letter escaped": '{"who": "' + "".join(f"\\u{ord(letter):04x}" for letter in WHO) + '"}',
    "in JSON with escaped slashes": json.dumps({"url": f"https://x/{WHO}/a"}).replace("/", r"\/"),
    "in JSON behind a line's end": json.dumps({"words": f"ask\n{WHO}\tnow"}),
    "in JSON within an address": "https://x/?q=" + quote(json.dumps({"who": WHO})),
    "an address within JSON": json.dumps({"url": f"https://x/?to={quote(WHO)}"}),
    "in decomposed JSON": json.dumps({"who": NFD}),
    "as an entity of HTML": "jos&eacute;@uni.example",
    "as numeric entities": "jos&#233;&#64;uni.example",
    "as hexadecimal entities": "jos&#xE9;&#x40;uni.example",
    "as entities of entities": "jos&amp;eacute;@uni.example",
    "with a quotation mark's entity": f"&quot;{WHO}&quot;",
    "as Python shows bytes": "jos\\xe9@uni.example",
    "with braces": "jos\\u{e9}@uni.example",
}
"""An id that is an address and has a letter beyond ASCII, written in many ways."""


PACKED = {
    "a header": "Basic {}".format(base64.b64encode(f"{WHO}:password".encode()).decode()),
    "behind something": "Basic {}".format(base64.b64encode(f"x:{WHO}".encode()).decode()),
    "a token": "Bearer eyJhbGciOiJub25lIn0.{}.c2ln".format(
        base64.urlsafe_b64encode(json.dumps({"sub": WHO, "n": 1}).encode()).decode().rstrip("=")
    ),
    "raw JSON": base64.b64encode(json.dumps([WHO.upper()], ensure_ascii=False).encode()).decode(),
    "a file's content": "data:text/plain;base64,{}".format(base64.b64encode(f"ab {WHO}, c".encode()).decode()),
    "in a path": f"/x/{base64.urlsafe_b64encode(NFD.encode()).decode()}/y",
    "in JSON": json.dumps({"header": base64.b64encode(WHO.encode()).decode()}),
}
"""The id within base64."""


def test_an_id_within_base64_is_found_and_the_run_goes() -> None:
    """Wherever in it it stands; of another id, or one that is longer, nothing is changed."""
    for (way, text), (named, blank) in zip(PACKED.items(), in_sql(person(), list(PACKED.values())), strict=True):
        assert named, way
        assert person().named_in(text), way
        assert "[erased]" in blank, way
        assert not person().named_in(blank), way
    others = [base64.b64encode(f"{a}{WHO}{b}".encode()).decode() for a, b in (("a", ""), ("", "x"), ("x-", ".org"))]
    assert in_sql(person(), others) == [(False, text) for text in others]
    assert not any(person().named_in(text) for text in others)


def decoded(text: str) -> str:
    """The text with every escape taken away, as often as there are some; not by learnfold's rules."""
    before = ""
    while text != before:
        before = text
        text = re.sub(r"\\+u\{?([0-9a-fA-F]{2,4})\}?", lambda match: chr(int(match[1], 16)), text)
        text = re.sub(r"\\+x([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), text)
        text = re.sub(r"%u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
        text = html.unescape(
            unquote(text.replace("%E9", "é").replace("%e9", "é").replace("%C3é", "é").replace("%c3é", "é"))
        )
    return unicodedata.normalize("NFC", text).lower()


def person(user_id: str = WHO) -> Person:
    """The person as the shipped subjects' columns set them apart."""
    return Person.of(user_id, catalog.load(), ())


def in_sql(who: Person, texts: list[str]) -> list[tuple[bool, str]]:
    """By text, whether SQL says that it names the person, and the text without them."""
    with DuckDBSession(Settings()) as session, session.cursor() as cursor:
        define_functions(cursor, who)
        query = "SELECT erase_names(t), erase_blank(t) FROM unnest($1) WITH ORDINALITY AS _(t, n) ORDER BY n"
        return cursor.execute(query, [texts]).fetchall()


def test_an_id_is_found_and_blanked_in_every_spelling() -> None:
    """In SQL and in Python; what is left decodes to it no more, and what was JSON still is."""
    for (way, text), (named, blank) in zip(WAYS.items(), in_sql(person(), list(WAYS.values())), strict=True):
        assert WHO in decoded(text), f"the test's own decoding: {way}"
        assert named, way
        assert person().named_in(text), way
        assert WHO not in decoded(blank), way
        assert "[erased]" in blank, way
        assert WHO not in decoded(person().blanked(text)), way
        if text.startswith("{"):
            json.loads(blank)


OTHERS = (
    *("josé@uni.example.org", "anjosé@uni.example", "an-josé@uni.example", "jose@uni.example", "josé@uni.examples"),
    *(
        "ajos%C3%A9@uni.example",
        "jos%C3%A9%40uni.example%2Eorg",
        "jos%C3%A9@uni.example%C3%A9",
        "josé@uni.example\\u00e9",
    ),
    *("josé@uni.example&eacute;", "josé@uni.example-2", "an%2Djosé@uni.example", "", "%", "\\", "&", "%%%41\\u00"),
)


def test_somebody_whose_id_is_longer_is_somebody_else_in_every_spelling() -> None:
    """What stands around an id is read with its escapes too."""
    for text, (named, blank) in zip(OTHERS, in_sql(person(), list(OTHERS)), strict=True):
        assert not named, text
        assert not person().named_in(text), text
        assert blank == text


@settings(max_examples=tries(40), deadline=None)
@example(who="0'", ways=["html", "percent"])
@given(
    who=st.text(st.sampled_from("abNrtuxĐễé0179.@-_'\"/\\ %&+"), min_size=2, max_size=9).filter(
        lambda t: t == t.strip()
    ),
    ways=st.lists(st.sampled_from(["json", "ascii", "percent", "nfd", "html"]), max_size=3),
)
def test_any_id_is_found_however_often_it_is_wrapped(who: str, ways: list[str]) -> None:
    """A law: JSON, percent-encoding, decomposition and entities, within each other."""
    if not person(who).distinctive:
        return
    wrap = {
        "json": lambda text: json.dumps({"a": [text]}, ensure_ascii=False),
        "ascii": lambda text: json.dumps({"a": [text]}),
        "percent": lambda text: quote(text, safe=""),
        "nfd": lambda text: unicodedata.normalize("NFD", text),
        "html": html.escape,
    }
    text = f" {who} "
    for way in ways:
        text = wrap[way](text)
    assert person(who).named_in(text)
    assert in_sql(person(who), [text])[0][0]


def erased(place: Place, who: str = WHO) -> Erasure:
    """What erasing did."""
    return erase(place.workspace(), who, str(place.master), dry_run=False)


def everything(root: Path) -> list[tuple[str, str]]:
    """By file, all that is in it: every value of a Parquet file with its metadata, the text of any other."""
    found = []
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        found.append((path.name, path.name))
        if path.suffix == ".parquet":
            table = pq.read_table(path, partitioning=None)
            found += [(path.name, text) for row in table.to_pylist() for text in _texts(row)]
            found += [(path.name, text) for text in _texts(pq.read_metadata(path).metadata or {})]
        else:
            found.append((path.name, path.read_text("utf-8")))
    return found


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for text in _texts(pair)]
    if isinstance(value, (list, tuple)):
        return [text for inner in value for text in _texts(inner)]
    if isinstance(value, bytes):
        return [value.decode(encoding, "replace") for encoding in ("utf-8", "latin-1", "utf-16-le", "utf-16-be")]
    return [] if value is None else [str(value)]


def _rows(count: int, user: str = "other@uni.example") -> dict[str, list[str]]:
    return {
        "event_id": [f"e{place}" for place in range(count)],
        "event_type": ["VIDEO_WATCHED"] * count,
        "user_id": [user] * count,
        "timestamp": ["2025-12-01 10:00:00"] * count,
        "video_id": ["v"] * count,
    }


@pytest.mark.slow
def test_an_id_in_every_spelling_and_place_is_gone_and_no_event_of_others(tmp_path: Path) -> None:
    """Columns of each type, unknown fields, messages, keys, headers, metadata, quarantine, receipts: nothing decodes to it."""
    place, texts = Place(tmp_path), [*WAYS.values(), *PACKED.values()]
    count = len(texts)
    headers = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
    flat = pa.table(
        {
            **_rows(count),
            "feedback": texts,
            "file": texts,
            "reason": texts,
            "topic": texts,
            "file_index": texts,
            "extra_fields": [json.dumps({"deep": [{"words": text}]}) for text in texts],
            "list": [[text, None] for text in texts],
            "struct": [{"a": {"b": text}} for text in texts],
            "map": pa.array([[(text, text)] for text in texts], pa.map_(pa.string(), pa.string())),
            "bytes": [text.encode() for text in texts],
            "more_bytes": [
                text.encode(("utf-16-le", "utf-16-be", "latin-1")[n % 3], "replace") for n, text in enumerate(texts)
            ],
            "headers": pa.array([[{"key": "k", "value": text.encode()}] for text in texts], headers),
            "words": pa.array(texts).dictionary_encode(),
            "kafka_key": [text.encode() for text in texts],
        }
    ).replace_schema_metadata({f"made for {place}": text for place, text in enumerate(texts)})
    place.add("video_topic", flat)
    messages = [
        json.dumps(
            {**{k: v[0] for k, v in _rows(1).items()}, "event_id": f"m{n}", "unknown": text, "more": json.dumps(text)}
        )
        for n, text in enumerate(texts)
    ]
    place.add("video_topic", pa.table({"value": messages, "key": [text.encode() for text in texts]}))
    owners = [
        WHO,
        NFD,
        WHO.upper(),
        quote(WHO),
        quote(quote(WHO)),
        f"mailto:{WHO}",
        f" {WHO}\n",
        "jos\\u00e9@uni.example",
    ]
    own = pa.table({**_rows(len(owners)), "user_id": owners, "event_id": [f"own{n}" for n in range(len(owners))]})
    place.add("video_topic", own)
    named_owner = pa.table({**_rows(1), "user_id": [f"https://lms.example/u/{quote(WHO)}"], "event_id": ["address"]})
    place.add("video_topic", named_owner)
    for number, name in enumerate((f"{WHO}.jsonl", f"{NFD.upper()}.jsonl", f"{quote(WHO)}.jsonl")):
        export = tmp_path / name
        event = {**{k: v[0] for k, v in _rows(1).items()}, "event_id": f"file{number}", "note": WHO}
        export.write_text(json.dumps(event) + "\n{broken\n")
        assert learnfold("ingest", export, "--into", place.master, "--topic", "video_topic").returncode == 0
        export.unlink()
    place.run()
    done = erased(place)
    left = [(name, text) for name, text in everything(tmp_path) if WHO in decoded(text)]
    left += [(name, text) for name, text in everything(tmp_path) if any(way in text for way in PACKED.values())]
    assert left == [], left
    assert done.receipt is not None
    assert (done.receipt.found, done.receipt.not_searched) == (0, {})
    assert done.receipt.rows_by_topic == {"video_topic": len(owners)}
    rows = [
        row
        for path in (place.master / "topic=video_topic").rglob("*.parquet")
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
    assert len(rows) == 2 * count + 1 + 3
    quarantine = [
        row
        for path in (place.master / "_quarantine").rglob("*.parquet")
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
    assert [row["event"].strip() for row in quarantine] == ["{broken"] * 3
    assert learnfold("verify", place.master, place.out).returncode == 0
    assert erased(place).nothing


def test_a_number_is_erased_from_fields_of_people_within_texts_too(tmp_path: Path) -> None:
    """Where a field says that it is a person, at any depth; other numbers stay, and the receipt says what wasn't searched."""
    place = Place(tmp_path)
    told = [
        '{"mentor":{"user_id":1001}}',
        '{"mentor":{"user_id":1001.0},"n":1001}',
        '{"url":"x?student_id=1001&n=1001"}',
        '{"n":1001}',
    ]
    path = place.add(
        "video_topic",
        pa.table({**_rows(5, "7"), "extra_fields": [*told, None], "key": [b"1001", b"7", None, None, None]}),
    )
    done = erased(place, "1001")
    rows = pq.read_table(path).to_pylist()
    assert [row["extra_fields"] for row in rows] == [
        '{"mentor":{"user_id":null}}',
        '{"mentor":{"user_id":null},"n":1001}',
        '{"url":"x?student_id=[erased]&n=1001"}',
        '{"n":1001}',
        None,
    ]
    assert [row["key"] for row in rows] == [None, b"7", None, None, None]
    assert done.receipt is not None
    assert done.receipt.searched_in_texts is False


UNSEARCHABLE = {
    "backup.zip": b"PK\x03\x04",
    "export.xlsx": b"PK\x03\x04",
    "notes.pdf": b"%PDF-1.7 all of it is text",
    "events.avro": b"Obj\x01",
    "events.zst": b"\x28\xb5\x2f\xfd",
    "events.jsonl.gz": b"\x1f\x8b cut",
    "events.parquet.gz": gzip.compress(b"PAR1"),
    "state.pickle": b"no ending that is known",
    "latin.csv": "josé;1\n".encode("latin-1"),
    "zeros.txt": b"a\0b",
    "topic=video_topic/x.parquet": b"no Parquet",
}


def test_what_cannot_be_looked_into_is_told(tmp_path: Path) -> None:
    """Whatever isn't Parquet, text or packed text by its name and its bytes; also Parquet with a column that is called like the person."""
    place = Place(tmp_path)
    place.watch(1, WHO, "GV1")
    place.add("strange_topic", pa.table({WHO: [1]}), name="column.parquet")
    place.add("strange_topic", pa.table({"s": [{WHO.upper(): 1}]}), name="field.parquet")
    for name, content in UNSEARCHABLE.items():
        (place.master / name).write_bytes(content)
    with pytest.raises(DataError, match="it isn't known whether they hold the person") as refused:
        erased(place)
    assert "and 3 more" in str(refused.value)
    done = erase(place.workspace(Settings(skip_unreadable=True)), WHO, str(place.master), dry_run=False)
    assert done.receipt is not None
    assert set(done.receipt.not_searched) == {
        *UNSEARCHABLE,
        "topic=strange_topic/column.parquet",
        "topic=strange_topic/field.parquet",
    }


SEARCHABLE = {
    "utf-16.csv": WHO.encode("utf-16"),
    "utf-32.txt": WHO.encode("utf-32"),
    "marked.txt": WHO.encode("utf-8-sig"),
    "packed.jsonl.gz": gzip.compress(quote(WHO).encode()),
    "packed.jsonl.bz2": bz2.compress(NFD.encode()),
    "packed.jsonl.xz": lzma.compress(WHO.upper().encode()),
    "README": json.dumps([WHO]).encode(),
    "long.json": json.dumps([quote(WHO), "\\" + "x" * 200_000]).encode(),
}


@pytest.mark.parametrize("name", SEARCHABLE)
def test_texts_of_others_are_looked_into(tmp_path: Path, name: str) -> None:
    """Whatever they are encoded and packed with; long ones too."""
    place = Place(tmp_path)
    place.watch(1, "GV1")
    (place.master / name).write_bytes(SEARCHABLE[name])
    with pytest.raises(DataError, match=f"name the person, and learnfold didn't write them(.|\n)*{re.escape(name)}"):
        erased(place)


@pytest.mark.parametrize("name", [WHO, NFD.upper(), quote(WHO), f"user_id={quote(WHO)}"])
def test_a_folder_that_is_called_after_them_in_any_spelling_is_refused(tmp_path: Path, name: str) -> None:
    """As Hive writes a value in a path, too."""
    place = Place(tmp_path)
    place.add("video_topic", pa.table({"value": ["{}"]}), name)
    with pytest.raises(DataError, match="name them otherwise"):
        erased(place)


def test_checksums_of_a_file_that_is_written_again_go(tmp_path: Path) -> None:
    """Hadoop keeps them beside the file, and would refuse the new one; they name nobody."""
    place = Place(tmp_path)
    path = place.watch(1, WHO, "GV1")
    other = place.watch(2, "GV1")
    for one in (path, other):
        (one.parent / f".{one.name}.crc").write_bytes(b"crc\0\0\0\2\0\xff\xfe\xfd\xfc")
    erased(place)
    assert not (path.parent / f".{path.name}.crc").exists()
    assert (other.parent / f".{other.name}.crc").exists()
