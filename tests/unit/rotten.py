"""Columns of Parquet with one value that no reader can make sense of, each kind that there is."""

from __future__ import annotations

import pyarrow as pa

NOT_UTF8 = b"\xff\xfe"
MILLIS = 1_765_377_000_000  # 2025-12-10 14:30:00
LEAST, MOST = -(2**63), 2**63 - 1


def text(*values: bytes | None) -> pa.Array:
    """A column of texts, which these bytes may be."""
    plain = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(values), plain.buffers())


def texts(*values: list[bytes]) -> pa.Array:
    """A column of lists of texts."""
    plain = pa.array(values, pa.list_(pa.binary()))
    return pa.ListArray.from_arrays(plain.offsets, text(*plain.flatten().to_pylist()))


TIMES = {
    "milliseconds": pa.array([MILLIS, MILLIS, LEAST], pa.timestamp("ms")),
    "milliseconds of UTC": pa.array([MILLIS, MILLIS, MOST], pa.timestamp("ms", "UTC")),
    "microseconds": pa.array([MILLIS * 1000, MILLIS * 1000, LEAST], pa.timestamp("us")),
    "a date before all": pa.array([20432, 20432, -(2**31)], pa.date32()),
    "a date behind all": pa.array([20432, 20432, 2**31 - 1], pa.date32()),
}
"""Two times of a day, and one that is none."""

TEXTS = {
    "text": text(b"a", "é".encode(), NOT_UTF8),
    "times of day": pa.array([1, 2, MOST], pa.time64("us")),
    "times of day in milliseconds": pa.array([1, 2, -1], pa.time32("ms")),
    "milliseconds": TIMES["milliseconds"],
}
"""What is a text to an event, and what isn't."""


def _nested(inner: pa.Array) -> dict[str, pa.Array]:
    """Columns of three values, each of which holds one of ``inner``."""
    one_each = pa.array([0, 1, 2, 3], pa.int32())
    names = pa.array(["k", "k", "k"])
    struct = pa.StructArray.from_arrays([pa.array([1, None, 3]), inner], ["n", 'it\'s "so"'])
    return {
        "struct": struct,
        "list of structs": pa.ListArray.from_arrays(one_each, struct),
        "list of lists": pa.ListArray.from_arrays(one_each, pa.ListArray.from_arrays(one_each, inner)),
        "map": pa.MapArray.from_arrays(one_each, names, inner),
        "struct of maps": pa.StructArray.from_arrays([pa.MapArray.from_arrays(one_each, names, inner)], ["m"]),
    }


NESTED = {
    f"{kind} in a {nest}": column
    for kind in ("text", "milliseconds", "times of day")
    for nest, column in _nested(TEXTS[kind]).items()
}
"""The same within structs, lists and maps."""
