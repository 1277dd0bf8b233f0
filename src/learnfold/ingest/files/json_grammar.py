"""Where JSON values begin and end in bytes, also in bytes that aren't quite JSON.

Nothing here says whether a value is valid; that is decided where events are read. It only says which bytes are one value, so
that what is broken doesn't take its neighbours with it. Two facts carry it: no string of JSON holds a line's end, and no object
begins right behind another value.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

_DEPTH = 16  # of values that are found by one regular expression; deeper ones are found token by token
TRIED_BYTES = 1 << 18  # of a neighbour that is looked for behind a broken value
_TRIES = 64
LOOK_BACK = 256
"""Bytes before a value in which its line may begin."""

DOUBTFUL_BYTES = 1 << 20
"""So far behind the first thing that is wrong with a value its end is looked for."""

MARK = b"\xef\xbb\xbf"
"""The byte order mark in UTF-8."""

_STRING = rb'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"'
_GAP = rb"(?:[\s,\x1e]|\xef\xbb\xbf)"


_TRUE_STRING = _STRING + rb"(?=[\s,:}\]])"


def _inside(depth: int) -> bytes:
    deeper = rb"|[{\[]" + _inside(depth - 1) + rb"[}\]]" if depth > 1 else b""
    return rb'[^"{}\[\]]*+(?:(?:' + _TRUE_STRING + deeper + rb')[^"{}\[\]]*+)*+'


_CONTAINER = rb"(?:\{" + _inside(_DEPTH) + rb"\}|\[" + _inside(_DEPTH) + rb"\])"

CONTAINER = re.compile(_CONTAINER)
"""An object or array whose brackets are as many as they should be, the outer ones of one kind, with strings where they may be.

One thing that is wrong in it can't make it take in a neighbour, since those outer brackets or the strings would be wrong too.
"""

STRING = re.compile(_STRING)
SCALAR = re.compile(rb"(?:true|false|null|-?\d++(?:\.\d++)?+(?:[eE][-+]?\d++)?+)(?![-+.\w])")
SEPARATORS = re.compile(_GAP + rb"*+")
"""What may lie between values: white space, commas, byte order marks, record separators."""

FOLLOWS = re.compile(rb"[ \t\r]*+(?:[\n,\]{\[\x1e]|\xef\xbb\xbf|\Z)")
"""What may follow a value."""

_START = re.compile(rb"[}\]\n\x1e]" + _GAP + rb"*+(?=\{)")
_START_IN_ARRAY = re.compile(rb"[,}\]\n\x1e]" + _GAP + rb"*+(?=\{)")
_LINE_START = re.compile(rb"\n[ \t]*+(?=\{)")
_TOKEN = re.compile(rb'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+(?:(")|\\?(?=\n)|\\?\Z)|[{}\[\]]')
_REST_OF_STRING = re.compile(rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+(?:"|\\?(?=\n)|\\?\Z)')
_OPENING = {ord("}"): ord("{"), ord("]"): ord("[")}
_BRACES = (ord("{"), ord("["))
_QUOTE, _BRACKET = ord('"'), ord("[")
_BEHIND_ARRAY = re.compile(rb"\s*+(?:\Z|[{\[])")
_BEHIND_STRING = frozenset(b",:}] \t\r\n")


REST = re.compile(rb'[^"{}\[\]]*+(?:(?:' + _STRING + b"|" + _CONTAINER + rb')[^"{}\[\]]*+)*+\}')
"""What is behind the values of a document, up to its end."""


def envelope(member: str) -> re.Pattern[bytes]:
    """What is before the values of a document that has them in the array ``member``, from behind its brace."""
    name = rb'"' + re.escape(member.encode()) + rb'"\s*+:\s*+'
    value = rb"(?:" + _STRING + rb"|[-+.\w]++|" + _CONTAINER + rb")"
    others = rb"(?:(?!" + name + rb")" + _STRING + rb"\s*+:\s*+" + value + rb"\s*+,\s*+)*+"
    return re.compile(rb"\s*+" + others + name + rb"\[")


def is_json(text: bytes) -> bool:
    """Whether it is one JSON value, of whatever encoding its strings are."""
    try:
        json.loads(text.decode("utf-8", "replace"), parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def is_cut(text: bytes) -> bool:
    """Whether it is the beginning of a JSON value and nothing is wrong with it but that it ends too early."""
    shown = text.decode("utf-8", "replace").rstrip()
    try:
        json.loads(shown, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        rest = shown[error.pos :]
        return rest == "" or error.msg.startswith("Unterminated") or any(w.startswith(rest) for w in _WORDS)
    except RecursionError:
        return True  # nothing was wrong so far
    return False


_WORDS = ("true", "false", "null", "-", "\\u000")


def is_object(data: bytes, at: int) -> bool:
    """Whether a JSON object begins there, and ends not too far away."""
    found = CONTAINER.match(data, at, at + TRIED_BYTES)
    return found is not None and data[at] == ord("{") and is_json(found[0])


def next_object(data: bytes, start: int, end: int, inside: int) -> int | None:
    """Where the next object begins, in a place where a neighbour may; None if there is none."""
    for number, found in enumerate((_START_IN_ARRAY if inside else _START).finditer(data, start, end)):
        if number == _TRIES:
            return None
        if is_object(data, found.end()):
            return found.end()
    return None


def indentation(data: bytes, at: int) -> int | None:
    """How far what is there is indented; None if it doesn't begin its line."""
    start = max(0, at - LOOK_BACK)
    line = data.rfind(b"\n", start, at) + 1
    before = data[line or start : at]
    return len(before) if (line or not start) and not before.strip(b" \t") else None


def line_before(data: bytes, start: int, end: int, indented: int | None) -> int | None:
    """The first line between ``start`` and ``end`` that begins with an object and is indented no further than the broken value."""
    if indented is None:
        return None
    for number, found in enumerate(_LINE_START.finditer(data, start, end)):
        if number == _TRIES:
            return None
        if len(found[0]) - 1 <= indented and is_object(data, found.end()):
            return found.end()
    return None


@dataclass
class Scan:
    """Follows the brackets of one value through bytes that come bit by bit."""

    at: int  # how far it is
    indented: int | None  # of the value's beginning
    inside: int  # arrays around it
    open: bytearray = field(default_factory=bytearray)
    doubtful: int | None = None  # where something was wrong first
    string: bool = False  # it goes on within one
    hidden: list[int] = field(default_factory=list)  # objects that may begin within strings, if those aren't strings

    def moved(self, by: int) -> None:
        """Tells it that the bytes lie elsewhere now."""
        self.at += by
        self.doubtful = None if self.doubtful is None else self.doubtful + by
        self.hidden = [at + by for at in self.hidden]

    def end(self, data: bytes, *, last: bool) -> int | None:
        """Where the value ends; None if that isn't in ``data``. ``broken`` then tells whether more of it would help."""
        if self.string and not self._out_of_string(data, last=last):
            return None
        told = len(data) + 1 if last else len(data) - TRIED_BYTES
        for token in _TOKEN.finditer(data, self.at):
            if token.end() >= told:
                self.at = token.start()
                return None
            if (end := self._next(data, token)) is not None:
                return end
            self.at = token.end()
            if self.broken:
                return None
        self.at = len(data) if last else self.at
        return None

    def _next(self, data: bytes, token: re.Match[bytes]) -> int | None:
        """Takes a token; where the value ends, if that is told by it."""
        start, kind = token.start(), data[token.start()]
        if kind == _QUOTE:
            self._string(data, token)
        elif kind in _BRACES:
            if self.open and not self._may_begin(data, start) and self._is_neighbour(data, start):
                return start
            self.open.append(kind)
        else:
            return self._closed(data, token)
        return None

    def _closed(self, data: bytes, token: re.Match[bytes]) -> int | None:
        wanted, start = _OPENING[data[token.start()]], token.start()
        if self.open[-1] != wanted:
            self._doubt(start)
        if wanted in self.open:
            del self.open[self.open.rindex(wanted) :]
            return None if self.open else self._hidden(data) or token.end()
        if self.inside and wanted == _BRACKET and _BEHIND_ARRAY.match(data, token.end()):  # it closes what is around
            return self._hidden(data) or start
        return None

    def _out_of_string(self, data: bytes, *, last: bool) -> bool:
        rest = _REST_OF_STRING.match(data, self.at)
        if rest is None or (rest.end() == len(data) and not last):
            return False
        self.string, self.at = False, rest.end()
        return True

    def skip(self, data: bytes) -> None:
        """Goes on to the end of ``data``, as far as it can be told what is there."""
        token = None if self.string else _TOKEN.search(data, self.at)
        if self.string or (token and token.end() == len(data) and token[1] is None):
            self.string, self.at = True, len(data.rstrip(b"\\"))
        else:
            self.at = token.start() if token else len(data)

    @property
    def broken(self) -> bool:
        """Whether something is wrong with the value, and its end wasn't found for long."""
        return self.doubtful is not None and self.at - self.doubtful > DOUBTFUL_BYTES

    def _doubt(self, at: int) -> None:
        self.doubtful = at if self.doubtful is None else self.doubtful

    def _string(self, data: bytes, token: re.Match[bytes]) -> None:
        start, end = token.span()
        if token[1] is None or (end < len(data) and data[end] not in _BEHIND_STRING):
            self._doubt(start)
        if data.find(b"{", start, end) >= 0:
            starts = _START_IN_ARRAY if self.inside else _START
            self.hidden += [found.end() for found in starts.finditer(data, start, end)][:_TRIES]

    def _hidden(self, data: bytes) -> int | None:
        """The first neighbour that a string which is none took in."""
        if self.doubtful is None:
            return None
        return next((at for at in self.hidden[:_TRIES] if is_object(data, at)), None)

    def _may_begin(self, data: bytes, at: int) -> bool:
        """Whether a value may begin there, within an object or array."""
        before = at - 1
        while data[before] in b" \t\r\n":
            before -= 1
        sign, around = data[before : before + 1], self.open[-1]
        return sign == b"[" or (sign == b":" and around == ord("{")) or (sign == b"," and around == ord("["))

    def _is_neighbour(self, data: bytes, at: int) -> bool:
        if data[at] != ord("{"):
            return False
        own = indentation(data, at)
        if own is None:
            before = data[max(0, at - 64) : at].rstrip(b" \t\r\n" if self.inside else b", \t\r\n")[-1:]
            return before in {b",", b"}", b"]"} and is_object(data, at)
        return (self.indented is None or own <= self.indented) and is_object(data, at)
