"""Reads the JSON values of a stream one after the other, each as it is written: lines, arrays, documents, and any mix of them.

The elements of an array are values, whatever lies before or behind it. Nothing is left out: what is no value goes on as a text
that is none, and ends in the quarantine. Of a stream of any length a few megabytes are in memory, and no more than one value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from learnfold.ingest.files import json_grammar as grammar
from learnfold.ingest.files.json_grammar import Scan

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 4 << 20
LONGEST_BYTES = 64 << 20
"""A value that is longer comes in pieces of about that length."""

_NEARLY_ALL = 1 << 20  # bytes that should be at hand before a value is said to be broken

_LINES = re.compile(rb"(?:\{[^\n]*+(?:(?<=\})|(?<=\}\r))\n)*+")
_SAME_LINE = re.compile(rb"\}(?:[ \t\r,\x1e]|\xef\xbb\xbf)*+\{")
_JUNK, _JUNK_IN_ARRAY, _CLOSINGS = (
    re.compile(rb"[^\r\n]++"),
    re.compile(rb"[^\n\],]++"),
    re.compile(rb"[}\]][\s,}\]]*+"),
)
_OF_OBJECTS = re.compile(rb"(?:\[\s*+)++\{")
_BRACE, _OPENING, _CLOSING, _CLOSING_BRACE, _QUOTE = b'{[]}"'
_LINE_END = ord("\n")


class ByteStream(Protocol):
    """What values are read from."""

    def read(self, size: int) -> bytes:
        """So many bytes; fewer only at the end."""
        ...


class JsonValues:
    """The values of a stream, in batches.

    When they are all read, ``cut`` is the last text, if there may be more of it to come, and ``taken`` says how many bytes of the
    stream were before it; ``inside`` tells how many arrays are still open.
    """

    def __init__(self, stream: ByteStream, member: str | None = None, *, start: int = 0, inside: int = 0) -> None:
        """``member`` is what documents have their values in; the stream goes on behind ``start`` bytes, ``inside`` so many arrays."""
        self.inside = inside
        self.cut: bytes | None = None
        self.taken = 0
        self._stream, self._data, self._at, self._last = stream, b"", 0, False
        self._before = start  # bytes of the stream before those in memory
        self._lines_end = 0  # up to there, lines are an object each
        self._scan: Scan | None = None  # of the value that is looked at closely
        self._in_pieces = False  # it comes so
        self._envelope = None if member is None else grammar.envelope(member)
        self._member = None if member is None else f'"{member}"'.encode()
        self._enveloped = bool(inside and member)

    def __iter__(self) -> Iterator[list[bytes]]:
        """The values in their order, some at a time."""
        while self._read():
            if texts := self._texts():
                yield texts
        self.taken = self._before + self._at - len(self.cut or b"")

    def _read(self) -> bool:
        """Reads on, keeping what isn't taken yet; whether there is anything."""
        if not self._last:
            start = max(0, self._at - grammar.LOOK_BACK)
            wanted = max(BLOCK_BYTES, len(self._data) - start)
            block = self._stream.read(wanted)
            self._last = len(block) < wanted
            self._data = self._data[start:] + block
            self._at, self._before, self._lines_end = self._at - start, self._before + start, 0
            if self._scan:
                self._scan.moved(-start)
        return self._at < len(self._data)

    def _texts(self) -> list[bytes]:
        """The values at hand."""
        texts: list[bytes] = []
        while True:
            if self._in_pieces and self._scan:
                return [*texts, self._follow(self._scan)]
            if lines := self._lines():
                texts += lines
            self._at = at = grammar.SEPARATORS.match(self._data, self._at).end()  # type: ignore[union-attr]
            if at == len(self._data):
                return texts
            if not self._inner() and not self._bracket():
                text = self._value()
                if text is None:
                    return texts
                if text:
                    texts.append(text)

    def _lines(self) -> list[bytes]:
        """Lines that are an object each, for certain: at once, since nearly all events come so."""
        data, at = self._data, self._at
        if self.inside or self._enveloped or (at and data[at - 1] != _LINE_END) or data[at : at + 1] != b"{":
            return []
        if at >= self._lines_end:
            self._lines_end = self._sure_end(at)
        end = self._lines_end
        if self._member and (document := data.find(self._member, at, end)) >= 0:
            end = data.rfind(b"\n", at, document) + 1  # from there on a line may be a document of many
        joined = _SAME_LINE.search(data, at, end) if end > at else None
        if joined:
            end = data.rfind(b"\n", at, joined.start()) + 1
            if end <= at:  # one object that holds others, or several behind one another
                whole = grammar.CONTAINER.match(data, at, end_of_line := data.find(b"\n", joined.end()))
                end = end_of_line + 1 if whole and not data[whole.end() : end_of_line].strip(b"\r") else at
        if end <= at:
            return []
        self._at = end
        lines = data[at : end - 1].split(b"\n")
        return [line.rstrip(b"\r") for line in lines] if data.find(b"\r", at, end) >= 0 else lines

    def _sure_end(self, at: int) -> int:
        """The end of the lines that begin and end like objects; but for the last, behind which something else comes."""
        end = _LINES.match(self._data, at).end()  # type: ignore[union-attr]
        if self._data[end : end + 1] == b"{":
            return end
        return self._data.rfind(b"\n", at, max(at, end - 1)) + 1

    def _inner(self) -> bool:
        """Goes into the array of a document, or out of the document; whether it did."""
        if self._envelope is None or self.inside:
            return False
        start = self._at + (not self._enveloped)
        if self._enveloped or self._data[self._at] == _BRACE:
            if found := self._envelope.match(self._data, start):
                self.inside, self._enveloped = 1, True
                self._at = found.end()
                return True
            if self._enveloped and (found := grammar.REST.match(self._data, start)):
                self._enveloped = False
                self._at = found.end()
                return True
        return False

    def _bracket(self) -> bool:
        """Goes into an array or out of it; whether it did. An array in one is gone into where it has objects."""
        sign = self._data[self._at]
        if sign == _CLOSING and self.inside:
            self.inside -= 1
        elif sign == _OPENING and (not self.inside or _OF_OBJECTS.match(self._data, self._at)):
            self.inside += 1
        else:
            return False
        self._at += 1
        return True

    def _value(self) -> bytes | None:
        """The value that begins here; empty if it is cut; None if more of the stream is needed to tell."""
        data, at = self._data, self._at
        container = data[at] in {_BRACE, _OPENING}
        found = (grammar.CONTAINER if container else grammar.STRING if data[at] == _QUOTE else grammar.SCALAR).match(
            data, at
        )
        if found and self._ends(found.end()):
            self._at = found.end()
            return found[0]
        if not self._last and len(data) - at < _NEARLY_ALL:
            return None
        self._enveloped = False
        return self._broken() if container else self._junk()

    def _ends(self, end: int) -> bool:
        """Whether what is behind a value may be there."""
        follows = grammar.FOLLOWS.match(self._data, end)
        return follows is not None and (self._last or follows.end() < len(self._data))

    def _broken(self) -> bytes:
        """An object or array that is broken, or deep, or long: all of it, or its first piece."""
        self._scan = Scan(self._at, grammar.indentation(self._data, self._at), self.inside)
        return self._follow(self._scan)

    def _follow(self, scan: Scan) -> bytes:
        """The rest of the value that ``scan`` is in, or its next piece where it is too long."""
        while (end := scan.end(self._data, last=self._last)) is None and not (scan.broken or self._last):
            if len(self._data) - self._at > LONGEST_BYTES:
                scan.skip(self._data)
                self._in_pieces = True
                return self._exactly(scan.at)
            self._read()
        self._scan = None
        if self._in_pieces:
            self._in_pieces = False
            return self._exactly(end or scan.at)
        if end is None:
            return self._lost(scan)
        end = self._seen(end)
        if scan.open:  # a neighbour begins before it has ended: perhaps there was one before
            end = grammar.line_before(self._data, self._at + 1, end, scan.indented) or end
        return self._up_to(end) if self._ends(end) else self._and_more(end)

    def _seen(self, end: int) -> int:
        """Where ``end`` is when what follows it is at hand."""
        while not self._last and len(self._data) - end < _NEARLY_ALL:
            before = self._at
            self._read()
            end += self._at - before
        return end

    def _lost(self, scan: Scan) -> bytes:
        """The value whose end isn't there: up to where the next one may begin."""
        data, at = self._data, self._at
        if self._last and (line := grammar.line_before(data, at + 1, len(data), scan.indented)):
            return self._up_to(line)  # a line that is whole isn't lost to one before it that was cut
        if self._last and not scan.broken and grammar.is_cut(data[at:]):
            return self._cut()
        end = grammar.next_object(data, at + 1, len(data), self.inside)
        if end is None and self._last:
            return self._cut()
        return self._up_to(end or data.rfind(b"\n", at, scan.at) + 1 or scan.at)

    def _and_more(self, end: int) -> bytes:
        """The value that ends there, and what can't be behind a value."""
        pattern = _JUNK_IN_ARRAY if self.inside else _JUNK
        while (found := pattern.match(self._data, end)) and found.end() == len(self._data) and not self._last:
            if found.end() - self._at > LONGEST_BYTES:
                break
            before = self._at
            self._read()
            end += self._at - before
        stop = found.end() if found else end
        neighbour = grammar.next_object(self._data, max(self._at + 1, end - 1), stop, self.inside)
        if neighbour is None and self._last and stop == len(self._data):
            return self._cut()
        return self._up_to(neighbour or stop)

    def _junk(self) -> bytes:
        """What is no value: up to where the next object may begin, else of an array up to the next comma, else of the line."""
        while (
            (stop := self._data.find(b"\n", self._at)) < 0
            and not self._last
            and len(self._data) - self._at < _NEARLY_ALL
        ):
            self._read()
        stop = min(len(self._data) if stop < 0 else stop, self._at + _NEARLY_ALL)
        if neighbour := grammar.next_object(self._data, self._at, stop, self.inside):
            return self._up_to(neighbour)
        pattern = _JUNK_IN_ARRAY if self.inside else _JUNK
        if not self.inside and self._data[self._at] in {_CLOSING, _CLOSING_BRACE}:
            pattern = _CLOSINGS
        while (found := pattern.match(self._data, self._at)) and found.end() == len(self._data) and not self._last:
            if found.end() - self._at > LONGEST_BYTES:
                break
            self._read()
        end = found.end() if found else self._at + 1
        return self._cut() if self._last and end == len(self._data) else self._up_to(end)

    def _up_to(self, end: int) -> bytes:
        return self._exactly(end).rstrip(b" \t\r\n,\x1e")

    def _exactly(self, end: int) -> bytes:
        text = self._data[self._at : end]
        self._at = end
        return text

    def _cut(self) -> bytes:
        self.cut = self._data[self._at :]
        self._at = len(self._data)
        return b""
