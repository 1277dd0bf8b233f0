"""A Parquet file's footer, as far as it has to be known to take the meaning of some columns out of it.

The footer is a struct of Thrift's compact protocol. Only its list of schema elements is taken apart; what is before and behind it
stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_WIDTHS = {
    _TRUE: 0,
    _FALSE: 0,
    _BYTE: 1,
    _DOUBLE: 8,
}  # bytes of a field; all other plain values are numbers of any length
_LONG = 15  # as the size of a list: it doesn't fit in the first byte
_DEEPEST = 64
_SCHEMA = 2  # the field of the footer that lists the schema's elements
_MEANING = {6, 7, 8, 10}  # of an element: converted type, scale, precision, logical type


def without_meaning(footer: bytes, elements: Collection[int]) -> bytes:
    """The footer with these elements of its schema (the root is 0) as plain bytes and numbers.

    Raises:
        ValueError: it is no footer.

    """
    try:
        return _Footer(footer).without_meaning(elements)
    except IndexError as error:
        raise ValueError("the footer ends too early") from error


class _Footer:
    """A footer, and how far it is read."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def without_meaning(self, elements: Collection[int]) -> bytes:
        number = 0
        while (found := self.field(number)) is not None:
            number, kind = found
            if number == _SCHEMA and kind == _LIST:
                count, _ = self.list_header()
                parts = [self.data[: self.at], *(self.element(plain=place in elements) for place in range(count))]
                return b"".join([*parts, self.data[self.at :]])
            self.skip(kind)
        raise ValueError("the footer has no schema")

    def element(self, *, plain: bool) -> bytes:
        """The bytes of the next element of the schema; ``plain``: without what it means."""
        begin, number, written, kept = self.at, 0, 0, bytearray()
        while (found := self.field(number)) is not None:
            number, kind = found
            value = self.at
            self.skip(kind)
            if number not in _MEANING:
                kept.append((number - written) << 4 | kind)
                kept += self.data[value : self.at]
                written = number
        return bytes([*kept, 0]) if plain else self.data[begin : self.at]

    def field(self, before: int) -> tuple[int, int] | None:
        """The number and type of the next field, ``before`` being the last one's; None at the struct's end."""
        head = self.byte()
        if head == 0:
            return None
        number = before + (head >> 4) if head >> 4 else self.number() >> 1  # numbers have their sign in the last bit
        return number, head & 15

    def skip(self, kind: int, depth: int = 0) -> None:
        """Goes behind a field's value."""
        if depth > _DEEPEST:
            raise ValueError("the footer is nested too deeply")
        if kind == _STRUCT:
            number = 0
            while (found := self.field(number)) is not None:
                number, inner = found
                self.skip(inner, depth + 1)
        elif kind in {_LIST, _SET}:
            count, inner = self.list_header()
            for _ in range(count):
                self.skip(_BYTE if inner in {_TRUE, _FALSE} else inner, depth + 1)
        elif kind == _BINARY:
            length = self.number()
            self.at += length
        elif kind in _WIDTHS:
            self.at += _WIDTHS[kind]
        elif kind == _MAP:
            raise ValueError("a footer holds no map")
        else:
            self.number()

    def list_header(self) -> tuple[int, int]:
        head = self.byte()
        return (self.number() if head >> 4 == _LONG else head >> 4), head & 15

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """An unsigned number of any length: seven bits a byte, the last byte's first bit is 0."""
        found = shift = 0
        while True:
            byte = self.byte()
            found |= (byte & 127) << shift
            shift += 7
            if byte < 128:  # noqa: PLR2004 - the first bit
                return found
