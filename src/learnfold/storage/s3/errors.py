"""What an S3 server refuses, in words written once: what, where, and what to do."""

from __future__ import annotations

import contextlib
import itertools
import random
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from obstore.exceptions import BaseError

from learnfold.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")

FOREIGN = (BaseError, FileNotFoundError, ValueError, NotImplementedError)
"""What obstore raises."""

_KEYS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or MINIO_ACCESS_KEY and MINIO_SECRET_KEY"
_WRONG_KEYS = f"{{server}} {{why}} ({{code}}), so {{what}} can't be reached; {_KEYS}"
_REGION = "the bucket {bucket} lies in another region than {region} ({code}); set AWS_REGION to it"
_DENIED = "{server} doesn't allow this ({code}): {what}; allow it in the bucket's policy, or use other keys"
_CODES = {
    "NoSuchBucket": "there is no bucket {bucket} at {server}; make it, or correct the path {what}",
    "InvalidAccessKeyId": _WRONG_KEYS.replace("{why}", "doesn't know the access key"),
    "InvalidClientTokenId": _WRONG_KEYS.replace("{why}", "doesn't know the access key"),
    "SignatureDoesNotMatch": _WRONG_KEYS.replace("{why}", "answers that the secret key is wrong"),
    "ExpiredToken": _WRONG_KEYS.replace("{why}", "answers that the session token has expired"),
    "InvalidToken": _WRONG_KEYS.replace("{why}", "answers that the session token is wrong"),
    "InvalidTokenId": _WRONG_KEYS.replace("{why}", "answers that the session token is wrong"),
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "RequestTimeTooSkewed": "the clocks of {server} and of this machine differ too much ({code}); set this machine's",
    "AccessDenied": _DENIED,
    "": "{server} failed at {what}: {first}; run again",
}
"""By the server's own word for what is wrong."""

_SIGNS = {
    "/latest/api/token": f"there are no keys for {{what}}, and this machine has no role; {_KEYS}, or LEARNFOLD_S3_ANONYMOUS=true for a public bucket",
    "ConnectionRefused": "nothing listens there",
    "dns error": "its name isn't known",
    "InvalidCertificate": "its certificate isn't trusted; LEARNFOLD_S3_CA_FILE names one that is",
    "InvalidContentType": "it doesn't speak TLS: is it http:// rather than https://?",
    "TimedOut": "it doesn't answer in time",
    "error sending request": "the connection broke",
    "response body error": "the connection broke",
    "403 Forbidden": _DENIED,
}
"""By a sign in obstore's message, where the server gave none."""


def pause(done: int) -> None:
    """Waits before the next of ``done`` tries, longer each time, and not as long as everybody else."""
    time.sleep(min(10.0, 0.05 * 2**done) * random.uniform(0.5, 1))  # noqa: S311 - no secret


def code_of(error: BaseException) -> str:
    """The server's own word for what is wrong, such as NoSuchKey; empty where it gave none."""
    found = re.search(r"<Code>(\w+)</Code>", str(error))
    return found[1] if found else ""


def broken_off(error: BaseException | None) -> bool:
    """Whether an answer never came whole, and obstore didn't try again, since it can't know whether that is safe."""
    text = str(error)
    return bool(re.search(r"kind: (Interrupted|Timeout)", text)) and not re.search(r"after \d+ retries", text)


@dataclass(frozen=True)
class Place:
    """Where a storage is, as messages name it, and how often something is tried again there."""

    url: str
    bucket: str
    server: str
    region: str
    retries: int

    def tried(
        self, path: str, act: Callable[[], Result], passed: type[Exception] | tuple[type[Exception], ...] = ()
    ) -> Result:
        """What ``act``, which may be done twice, returns; its foreign errors as StorageError, but for those ``passed``."""
        with self.translate_errors(path, passed):
            for done in itertools.count(1):
                try:
                    return act()
                except BaseError as error:
                    if done > self.retries or not broken_off(error):
                        raise
                    pause(done)
        raise AssertionError  # the loop ends by itself

    @contextlib.contextmanager
    def translate_errors(self, path: str, passed: type[Exception] | tuple[type[Exception], ...] = ()) -> Iterator[None]:
        """Foreign errors as StorageError, but for those ``passed``, which the caller tells apart."""
        try:
            yield
        except FOREIGN as error:
            if isinstance(error, passed):
                raise
            raise self.error(error, path) from error

    def error(self, error: BaseException, path: str = "") -> StorageError:
        """What is wrong with ``path``, and what to do."""
        text, code = str(error), code_of(error)
        meaning = _CODES.get(code)
        if meaning is None:
            message = re.search(r"<Message>(.*?)</Message>", text)
            meaning = f"{{server}} refused {{what}}: {{code}}{f', {message[1]}' if message else ''}; run again"
        elif not code:
            sign = next((sign for sign in _SIGNS if sign in text), None)
            if sign is not None:
                meaning = _SIGNS[sign]
                if "{" not in meaning:
                    meaning = f"{{server}} can't be reached for {{what}}: {meaning}. Is the server up, and LEARNFOLD_S3_ENDPOINT right?"
        return StorageError(
            meaning.format(
                what=f"{self.url}/{path}" if path else self.url,
                server=self.server or "AWS",
                bucket=self.bucket,
                region=self.region,
                code=code or "403 Forbidden",
                first=text.splitlines()[0][:300] if text else type(error).__name__,
            )
        )
