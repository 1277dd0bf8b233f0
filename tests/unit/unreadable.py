"""Files that can't be read, of every kind there is."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def broken_files(folder: Path) -> dict[str, Path]:
    """Files that can't be read, each in another way: from their footers alone, or only midway."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / "whole.parquet"
    rows = {"event_type": ["LOGIN"], "user_id": ["u"], "timestamp": ["2025-12-10 14:30:00"]}
    columns = {name: values * 5_000 for name, values in rows.items()} | {"video_id": [f"v{n}" for n in range(5_000)]}
    pq.write_table(pa.table(columns), whole, compression="zstd")
    data = whole.read_bytes()
    whole.unlink()
    garbled = bytearray(data)
    garbled[100:6000] = b"\x55" * 5900
    contents = {
        "empty": b"",
        "text": b"user_id,event_type\nu,A\n",
        "cut short": data[: len(data) // 2],
        "without an end": data[:-4],
        "no footer": b"PAR1" + b"\0" * 100 + b"PAR1",
        "garbled": bytes(garbled),
    }
    found = {}
    for name, content in contents.items():
        found[name] = folder / f"{name}.parquet"
        found[name].write_bytes(content)
    return found
