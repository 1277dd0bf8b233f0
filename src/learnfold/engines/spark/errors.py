"""Spark's errors, translated: a message that says what to do, never a traceback."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark.errors import PySparkException

from learnfold.errors import LearnfoldError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

SPARK_ERRORS = (PySparkException, Py4JError)

_KEYS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or MINIO_ACCESS_KEY and MINIO_SECRET_KEY), or Spark's own fs.s3a settings"
_SIGNS: tuple[tuple[str, type[LearnfoldError], str], ...] = (
    (
        r"OutOfMemoryError|exceeding (physical )?memory limits|GC overhead",
        LearnfoldError,
        "Spark needs more memory: raise LEARNFOLD_EXECUTOR_MEMORY, on one machine LEARNFOLD_DRIVER_MEMORY "
        "(with spark-submit --executor-memory, --driver-memory), or LEARNFOLD_SHUFFLE_PARTITIONS",
    ),
    (r"No space left on device", StorageError, "a disk is full: name another by LEARNFOLD_TEMPORARY_FOLDER, or spark.local.dir"),
    (r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken|NoAuthWithAWS|NoAwsCredentials|Status Code: 403|AccessDenied", StorageError, f"Spark isn't let in to S3; {_KEYS}"),
    (r"UnknownStoreException|NoSuchBucket", StorageError, "there is no such bucket, or not at this server; make it, or fix the path or LEARNFOLD_S3_ENDPOINT"),
    (r"UnknownHostException|Connection refused|ConnectTimeout|SdkClientException|NoRouteToHost", StorageError, "S3 can't be reached; is the server up, and LEARNFOLD_S3_ENDPOINT right? Run again"),
    (r"PATH_NOT_FOUND|FileNotFoundException|FAILED_READ_FILE.FILE_NOT_EXIST", StorageError, "a file went while it was read; run again"),
)  # fmt: skip
_READING = re.compile(r"Encountered error while reading file (.+?\.par(?:quet|q))\b")


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """Raises the LearnfoldError that stands for an error of Spark's: StorageError where the storage, access or a disk is at fault."""
    try:
        yield
    except SPARK_ERRORS as error:
        raise translated(error) from error


def translated(error: BaseException) -> LearnfoldError:
    """The LearnfoldError that stands for an error of Spark's."""
    text = str(error)
    if isinstance(error, Py4JNetworkError):
        return LearnfoldError(f"Spark's driver ended while it was needed ({first_line(text)}); run again")
    for sign, kind, what in _SIGNS:
        if found := re.search(sign, text):
            return kind(f"{what} ({_line_of(text, found.start())})")
    return LearnfoldError(f"Spark failed: {first_line(text)}")


def broken_file(error: BaseException) -> str | None:
    """The file that Spark couldn't read, as it names it, decoded; None where the error names none."""
    found = _READING.search(str(error))
    return unquote(found[1]) if found else None


def first_line(text: str) -> str:
    """The first line with any content, at most 500 characters."""
    lines = [line.strip().lstrip(": ") for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("An error occurred while calling", "at "))]
    return (telling or lines or ["no message"])[0][:500]


def _line_of(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : (text + "\n").index("\n", at)]
    return re.sub(r"^[\s:]*(Caused by: )?", "", line)[:300]
