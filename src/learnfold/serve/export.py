"""A whole view as one file: written first, in the pool of large answers, then sent, so that a slow reader holds up nobody."""

from __future__ import annotations

import asyncio
import os
import uuid
from typing import IO, TYPE_CHECKING

from starlette.responses import StreamingResponse

from learnfold.serve.answer import columns_of, select
from learnfold.serve.formats import write_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from learnfold.serve.access import Grant
    from learnfold.serve.database import Database
    from learnfold.serve.formats import Format
    from learnfold.serve.question import Question
    from learnfold.serve.rows import Rows

SECONDS = 300.0
"""Writing an export may take so long."""

_CHUNK_BYTES = 262_144


class _Sent(StreamingResponse):
    """A file that has no name any more, and goes when it was sent."""

    def __init__(self, file: IO[bytes], media_type: str, headers: dict[str, str]) -> None:
        self.file = file
        size = os.fstat(file.fileno()).st_size
        super().__init__(self._chunks(), media_type=media_type, headers={**headers, "Content-Length": str(size)})

    async def _chunks(self) -> AsyncIterator[bytes]:
        while chunk := await asyncio.to_thread(self.file.read, _CHUNK_BYTES):
            yield chunk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.file.close()


def export(
    database: Database,
    question: Question,
    base: Rows,
    grant: Grant,
    chosen: Format,
) -> StreamingResponse:
    """The question's rows, all of them, as a file to keep."""
    path = database.folder / f"export-{uuid.uuid4().hex}"
    columns = columns_of(question, grant)
    statement = select(question, base, tuple(column.name for column in columns), grant)
    try:
        write_file(database, statement, columns, chosen, path, SECONDS)
        file = path.open("rb")
    finally:
        path.unlink(missing_ok=True)
    name = f"{question.view.name}-{base.batch}.{chosen.name}"
    return _Sent(file, chosen.media_type, {"Content-Disposition": f'attachment; filename="{name}"'})
