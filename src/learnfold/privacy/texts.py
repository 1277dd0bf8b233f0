"""Which files can be looked into beside Parquet files, and their text: what isn't in these lists counts as not searched."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

from learnfold.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEXTS = frozenset(
    [
        "",
        ".json",
        ".jsonl",
        ".ndjson",
        ".csv",
        ".tsv",
        ".txt",
        ".md",
        ".rst",
        ".log",
        ".xml",
        ".html",
        ".htm",
        ".sql",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".cfg",
        ".conf",
        ".properties",
        ".py",
        ".sh",
        ".lock",
        ".prom",
        ".bak",
        ".old",
    ]
)
"""The endings of files whose bytes are nothing but text; the others may hold what nobody sees in them."""

PACKED: dict[str, Callable[[Path], IO[bytes]]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}  # type: ignore[dict-item]
"""The endings of packed texts, and what opens them."""

_CHECKSUMS = b"crc\0"
"""With this begins a file of Hadoop's with nothing but checksums of the one beside it."""

_MARKS = (
    *((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig")),
    *((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")),
)
_CHUNK = 1 << 22
_LONGEST = 1 << 26


def pieces(file: Path, name: str) -> Iterator[str]:
    """The file's text in pieces that end where no name can continue: after a line, in long ones after a comma.

    Raises DataError saying why a file can't be looked into, wherever in it that turns out.
    """
    ending = PurePosixPath(name).suffix.lower()
    opener = PACKED.get(ending)
    if opener is not None:
        ending = PurePosixPath(name).with_suffix("").suffix.lower()
    try:
        with opener(file) if opener else file.open("rb") as stream:
            head = stream.read(4)
            if head == _CHECKSUMS:
                return
            if ending not in TEXTS:
                raise DataError(f"files of this kind ({ending}) can't be searched")
            yield from _decoded(head, stream)
    except FileNotFoundError:
        return  # gone by now
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"it can't be unpacked: {error}") from error
    except UnicodeError as error:
        raise DataError("it isn't text in UTF-8, or in UTF-16 with its mark") from error


def _decoded(head: bytes, stream: IO[bytes]) -> Iterator[str]:
    encoding = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)()
    rest, block = "", head
    while block:
        text = decoder.decode(block)
        if "\0" in text:
            raise DataError("it isn't a text: it holds bytes that are 0")
        rest += text
        end = (rest.rfind("\n") if "\n" in text else rest.rfind(",")) + 1
        if end < len(rest) - _LONGEST:
            raise DataError(f"it has a line of more than {_LONGEST:,} letters without a comma")
        yield rest[:end]
        rest, block = rest[end:], stream.read(_CHUNK)
    yield rest + decoder.decode(b"", final=True)
