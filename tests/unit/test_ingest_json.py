"""The values of JSON in any spelling, each as it is written; what is broken costs itself alone, and not a byte is left out."""

from __future__ import annotations

import io
import json
import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from learnfold.ingest.files import json_grammar, json_values
from learnfold.ingest.files.json_values import JsonValues

GAP = re.compile(rb"(?:[\s,\x1e\[\]]|\xef\xbb\xbf)*")


def read(data: bytes, member: str | None = None) -> tuple[list[bytes], bytes | None]:
    """The values, and the last text where there may be more of it."""
    reader = JsonValues(io.BytesIO(data), member)
    return [text for batch in reader for text in batch], reader.cut


CASES = {
    "an array behind an array": (b'[{"a":1},{"a":2}]\n[{"a":3}]', [b'{"a":1}', b'{"a":2}', b'{"a":3}']),
    "lines behind an array": (b'[]\n{"a":1}\n{"a":2}', [b'{"a":1}', b'{"a":2}']),
    "arrays of arrays": (b'[[{"a":1}],[{"b":1}, 5]]', [b'{"a":1}', b'{"b":1}', b"5"]),
    "an array without objects is one value": (b'[{"a":1},[1,[2]],[]]', [b'{"a":1}', b"[1,[2]]", b"[]"]),
    "values behind one another": (b'{"a":1}{"b":2} {"c":3},{"d":4}', [b'{"a":1}', b'{"b":2}', b'{"c":3}', b'{"d":4}']),
    "indented documents": (b'{\n "a":1\n}\n{\n "b":{\n }\n}', [b'{\n "a":1\n}', b'{\n "b":{\n }\n}']),
    "byte order marks": (b'\xef\xbb\xbf{"a":1}\n\xef\xbb\xbf[\xef\xbb\xbf{"b":1}]', [b'{"a":1}', b'{"b":1}']),
    "text sequences": (b'\x1e{"a":1}\n\x1e{"b":1}\n', [b'{"a":1}', b'{"b":1}']),
    "any line ends": (
        b'{"a":1}\r{"b":2}\r\n{"c":3}\r\n\n\n{"d":4}\r\n',
        [b'{"a":1}', b'{"b":2}', b'{"c":3}', b'{"d":4}'],
    ),
    "a first line that is none": (b'null\n{"a":1}\n{"b":2}\n', [b"null", b'{"a":1}', b'{"b":2}']),
    "a first line that is the end of one": (b'"u": "u9"}\n{"a":1}\n{"b":2}\n', [b'"u": "u9"}', b'{"a":1}', b'{"b":2}']),
    "a text of JSON": (b'"{\\"a\\":1}"\n{"a":1}\n', [b'"{\\"a\\":1}"', b'{"a":1}']),
    "a line of a log": (b'INFO sent {"a":1}\n{"b":1}\n', [b'INFO sent {"a":1}', b'{"b":1}']),
    "a line with more behind": (b'{"a":1} and more\n{"b":2}\n', [b'{"a":1} and more', b'{"b":2}']),
    "brackets behind": (b'{"a":1}\n]}\n{"b":1}\n', [b'{"a":1}', b"]}", b'{"b":1}']),
    "a line that is cut": (b'{"a":[1,2,\n{"b":1}\n{"c":1}\n', [b'{"a":[1,2', b'{"b":1}', b'{"c":1}']),
    "a line cut behind a name": (b'{"a":\n{"b":1}\n{"c":1}\n', [b'{"a":', b'{"b":1}', b'{"c":1}']),
    "a line cut behind a name, before the last": (b'{"a":\n{"b":1}', [b'{"a":', b'{"b":1}']),
    "a line cut in an array, before the last": (b'{"a":[\n{"b":1}\n', [b'{"a":[', b'{"b":1}']),
    "a line cut in a text": (b'{"a": "x\n{"b":1}\n{"c":1}\n', [b'{"a": "x', b'{"b":1}', b'{"c":1}']),
    "a line's end in a text": (b'{"a":"x\ny", "b":1}\n{"c":1}\n', [b'{"a":"x\ny", "b":1}', b'{"c":1}']),
    "an open quote in an array": (b'[{"a":"x},{"b":2},{"c":3}]', [b'{"a":"x}', b'{"b":2}', b'{"c":3}']),
    "a quote and a brace missing": (b'[{"a":"x,{"b":1},{"c":2}]', [b'{"a":"x', b'{"b":1}', b'{"c":2}']),
    "a brace missing": (b'[{"a":{"b":1},{"b":2},{"c":3}]', [b'{"a":{"b":1}', b'{"b":2}', b'{"c":3}']),
    "a bracket missing": (b'[{"a":[1,2},{"b":1}]', [b'{"a":[1,2}', b'{"b":1}']),
    "a brace too many": (b'[{"a":1}},{"b":2}]', [b'{"a":1}}', b'{"b":2}']),
    "a comma for a brace": (b'[{"a":1}"b":2},{"c":2}]', [b'{"a":1}"b":2}', b'{"c":2}']),
    "quotes within a text": (
        b'[{"a":"say "hi" now","l":[{"x":1},{"y":2}]},{"b":2}]',
        [b'{"a":"say "hi" now","l":[{"x":1},{"y":2}]}', b'{"b":2}'],
    ),
    "no values in an array": (
        b'[1,null,"x",{"a":1},nope nope,{"b":2}]',
        [b"1", b"null", b'"x"', b'{"a":1}', b"nope nope", b'{"b":2}'],
    ),
    "a broken object, indented": (
        b'[\n  {\n    "a": "x,\n    "b": {\n      "c":1\n    }\n  },\n  {\n    "d": 1\n  }\n]\n',
        [b'{\n    "a": "x,\n    "b": {\n      "c":1\n    }\n  }', b'{\n    "d": 1\n  }'],
    ),
    "text that is not UTF-8": (b'{"a":"\xff"}\n[{"b":"\xc3"},{"c":1}]', [b'{"a":"\xff"}', b'{"b":"\xc3"}', b'{"c":1}']),
    "nothing": (b"", []),
    "nothing but space": (b" \n\n[]\n", []),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("block", [1, 7, 4 << 20])
def test_values_are_told_apart(case: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each value comes as it is written, whatever is around it and wherever the stream's blocks end."""
    monkeypatch.setattr(json_values, "BLOCK_BYTES", block)
    data, expected = CASES[case]
    assert read(data) == (expected, None)


CUT = {
    "in a line": (b'{"a":1}\n{"b":', [b'{"a":1}'], b'{"b":'),
    "in an array": (b'[{"a":1},{"b":[{"x":1},{"y":2},{"z"', [b'{"a":1}'], b'{"b":[{"x":1},{"y":2},{"z"'),
    "in a document": (b'{\n "a": {\n  "b": [1,\n', [], b'{\n "a": {\n  "b": [1,\n'),
    "in a word": (b'{"a":1}\n{"b":tru', [b'{"a":1}'], b'{"b":tru'),
    "no value at all": (b'{"a":1}\nrub', [b'{"a":1}'], b"rub"),
}


@pytest.mark.parametrize("case", CUT)
def test_the_last_text_is_kept_apart_where_there_may_be_more_of_it(case: str) -> None:
    """What is cut at the end of a stream is told from the values before it, as one text; an object that is closed isn't cut."""
    data, expected, cut = CUT[case]
    assert read(data) == (expected, cut)
    assert read(b'{"a":1}') == ([b'{"a":1}'], None)


@pytest.mark.parametrize(
    "document",
    [
        b'{"statements":[{"a":1},{"b":2}],"more":"/x"}\n',
        b'{"more":"","x":{"y":[1]},"statements":[{"a":1},{"b":2}]}',
        b'{"statements":[{"a":1}],"statements":[{"b":2}]}',
        b'[{"a":1}]\n{"statements" : [\n{"b":2}]}\n',
    ],
)
@pytest.mark.parametrize("block", [1, 4 << 20])
def test_a_document_gives_what_its_array_holds(document: bytes, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store's answer is read statement by statement, whatever stands before or behind them; a statement that has such a member isn't."""
    monkeypatch.setattr(json_values, "BLOCK_BYTES", block)
    other = b'{"verb":{"statements":[1]}}'
    assert read(document + other, "statements") == ([b'{"a":1}', b'{"b":2}', other], None)


@pytest.mark.parametrize("depth", [15, 17, 1000, 200_000])
def test_any_depth_is_one_value(depth: int) -> None:
    """A value may be nested as deep as it likes, in an array and in lines; its neighbours are there."""
    deep = b'{"a":' * depth + b"[" * depth + b"]" * depth + b"}" * depth
    for data in (b'[{"b":1},' + deep + b',{"c":1}]', b'{"b":1}\n' + deep + b'\n{"c":1}\n'):
        assert read(data) == ([b'{"b":1}', deep, b'{"c":1}'], None)


def test_a_value_of_any_length_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a value that is longer than what may be in memory every byte comes, and then its neighbours."""
    monkeypatch.setattr(json_values, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(json_values, "_NEARLY_ALL", 100)
    monkeypatch.setattr(json_values, "LONGEST_BYTES", 5000)
    monkeypatch.setattr(json_grammar, "TRIED_BYTES", 100)
    for middle in (b"x" * 30_000, b'\\"{' * 9000):
        long = b'{"a":"' + middle + b'","b":[' + b'{"x":1},' * 4000 + b"1]}"
        values, cut = read(b'[{"b":1},' + long + b',{"c":1}]')
        assert (values[0], b"".join(values[1:-1]), values[-1], cut) == (b'{"b":1}', long, b'{"c":1}', None)
        assert max(map(len, values)) < 10_000


TEXT = st.text(max_size=8) | st.sampled_from(['a"b', "{[", "},{", "\\", '{"q":1}', "]", "\u2028", '","', '":"'])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
MEMBERS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
OBJECTS = st.fixed_dictionaries({"id": st.integers()}, optional={"text": TEXT, "more": MEMBERS})


@st.composite
def spelled(draw: st.DrawFn) -> tuple[list[dict], bytes]:
    """Some objects, and a text that holds them in any spellings, one behind the other."""
    objects, parts = [], []
    for _ in range(draw(st.integers(0, 4))):
        some = draw(st.lists(OBJECTS, max_size=5))
        objects += some
        ascii_only, indent = draw(st.booleans()), draw(st.sampled_from([None, 0, 1, 2, 4]))
        join = draw(st.sampled_from(["\n", "\r\n", "\n\n", "", " ", ",", ",\n", "\n\ufeff", "\n\x1e"]))
        texts = [json.dumps(one, ensure_ascii=ascii_only, indent=indent) for one in some]
        form = draw(st.sampled_from(["lines", "array", "arrays"]))
        text = join.join(texts)
        if form == "array":
            text = json.dumps(some, ensure_ascii=ascii_only, indent=indent)
        elif form == "arrays":
            text = "[" + ", ".join(f"[{one}]" for one in texts) + "]"
        parts.append(
            draw(st.sampled_from(["", "\ufeff", " ", "\n"])) + text + draw(st.sampled_from(["", "\n", "\r\n"]))
        )
    return objects, "".join(parts).encode("utf-8", "surrogatepass")


@given(spelled(), st.sampled_from([1, 3, 50, 4 << 20]))
def test_objects_come_out_however_they_are_spelled(document: tuple[list[dict], bytes], block: int) -> None:
    """Lines, arrays, documents, and any mix of them give the objects that went in, in their order."""
    objects, data = document
    before, json_values.BLOCK_BYTES = json_values.BLOCK_BYTES, block
    try:
        values, cut = read(data)
    finally:
        json_values.BLOCK_BYTES = before
    assert ([json.loads(value) for value in values], cut) == (objects, None)


@given(st.binary(max_size=300) | st.text(alphabet='{}[]",:\\\n a1', max_size=200).map(str.encode))
@example(b'{"a":"},{"' * 50)
@example(b"}{" * 50)
def test_not_a_byte_is_left_out(data: bytes) -> None:
    """Of any bytes whatever each one is in a value, in the order they have, or is a separator between them."""
    values, cut = read(data)
    _accounted(data, [*values, *([cut] if cut is not None else [])])


def _accounted(data: bytes, texts: list[bytes]) -> None:
    at = 0
    for text in texts:
        start = data.find(text, GAP.match(data, at).start())
        assert start >= 0
        assert GAP.fullmatch(data[at:start])
        at = start + len(text)
    assert GAP.fullmatch(data[at:])


PLAIN = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(0, 9), "name": st.sampled_from(["Ada", "é", "a b"]), "in": st.just({"k": [1, 2]})}
    ),
    min_size=3,
    max_size=6,
)


@given(PLAIN, st.sampled_from(["lines", "array", "indented"]), st.data())
def test_one_wrong_byte_costs_one_event(objects: list[dict], form: str, data: st.DataObject) -> None:
    """Wherever a byte within an object is changed, inserted or missing, all other objects come out, and every byte does."""
    texts = [json.dumps(one, sort_keys=True, indent=2 if form == "indented" else None) for one in objects]
    text = ("\n".join(texts) if form != "array" else "[" + ", ".join(texts) + "]").encode()
    starts = [found.start() for found in re.finditer(rb'\{\s*"id"', text)]
    number = data.draw(st.integers(0, len(objects) - 1))
    end = text.rfind(b"}", 0, ([*starts, len(text) + 1][number + 1]))
    at = data.draw(st.integers(starts[number], end))
    sign = data.draw(st.sampled_from(b'{}[]",:\\ax0\xff'))
    how = data.draw(st.sampled_from(["changed", "inserted", "missing"]))
    wrong = text[:at] + (b"" if how == "missing" else bytes([sign])) + text[at + (how != "inserted") :]
    values, cut = read(wrong)
    _accounted(wrong, [*values, *([cut] if cut is not None else [])])
    found = [value for value in map(_loaded, values) if isinstance(value, dict)]
    others = objects[:number] + objects[number + 1 :]
    assert all(found.count(one) >= others.count(one) for one in others), (wrong, values, cut)


def _loaded(value: bytes) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return None


@given(spelled(), st.data())
def test_a_stream_that_is_cut_is_taken_up_where_it_was_cut(
    document: tuple[list[dict], bytes], data: st.DataObject
) -> None:
    """The values before a cut, and those of the stream from where they ended, are the values of the whole."""
    objects, text = document
    cuts = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=3))})
    values: list[bytes] = []
    start = inside = 0
    for _, cut in pairwise(cuts):
        reader = JsonValues(io.BytesIO(text[start:cut]), inside=inside)
        values += [value for batch in reader for value in batch]
        start, inside = start + reader.taken, reader.inside
    assert [json.loads(value) for value in values] == objects
