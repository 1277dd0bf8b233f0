"""Builds dist/learnfold.zip: learnfold with all it needs under Spark, pure Python, for ``spark-submit --py-files``.

A machine or container that has only Spark needs nothing else. The same sources give the same bytes. Beside the package the zip holds
sqlglot and the time zones, each with its licence, and ``batch_layer/config.py``, so that what is set there holds on a cluster too.
"""

from __future__ import annotations

import importlib.metadata
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKED = ("sqlglot", "tzdata")
"""What learnfold imports under Spark; DuckDB and obstore are native, and aren't needed there."""

NATIVE = {".so", ".pyd", ".dylib", ".dll"}
_LEFT_OUT = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
_EPOCH = (1980, 1, 1, 0, 0, 0)


def contents() -> dict[str, Path]:
    """The files by their names in the zip."""
    found = {}
    for folder, pattern in (
        ("src", "learnfold/**/*"),
        (".", "batch_layer/__init__.py"),
        (".", "batch_layer/config.py"),
        (".", "LICENSE"),
    ):
        for file in (ROOT / folder).glob(pattern):
            if file.is_file() and "__pycache__" not in file.parts:
                found[file.relative_to(ROOT / folder).as_posix()] = file
    for name in PACKED:
        for listed in importlib.metadata.distribution(name).files or ():
            file = Path(str(listed.locate()))
            if listed.suffix != ".pyc" and listed.name not in _LEFT_OUT and ".." not in listed.parts and file.is_file():
                found[listed.as_posix()] = file
    return found


def build(target: Path) -> int:
    """The size of the zip in bytes; it replaces an old one at once. Raises SystemExit where a file is no pure Python."""
    files = contents()
    native = [name for name in files if Path(name).suffix in NATIVE]
    if native:
        sys.exit(f"these are native code, which doesn't run from a zip or on another machine: {', '.join(native)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.new")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name].read_bytes())
    unfinished.replace(target)
    return target.stat().st_size


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist" / "learnfold.zip"
    print(f"{where} ({build(where):,} bytes)")
