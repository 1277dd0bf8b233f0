"""A topic's messages as they come, read by the rules that a fold reads by: Structured Streaming, a batch of offsets after the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnfold.engines.spark import decode
from learnfold.engines.spark.errors import first_line, translate_errors
from learnfold.engines.spark.footers import FileSchema
from learnfold.engines.spark.kafka import Broker, java_options
from learnfold.engines.spark.s3a import place
from learnfold.engines.spark.schema import Type, named
from learnfold.engines.spark.session import open_session
from learnfold.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery

    from learnfold.catalog import Topic
    from learnfold.settings import Settings

MOST_AT_ONCE = 200_000
"""Messages of a topic in one batch at most, so that what lags comes in more batches."""

TRIGGER_SECONDS = 1.0

_MESSAGES = FileSchema(
    (("value", Type("bytes", "BINARY")), ("partition", Type("whole", "INT")), ("offset", Type("number", "BIGINT")))
)
_EARLIEST = -2

Ranges = dict[int, tuple[int, int]]


@dataclass(frozen=True)
class Follow:
    """One topic that is to be followed."""

    topic: Topic
    first: Mapping[int, int]  # by partition that there is, the offset to begin at; None known: the first there is
    checkpoint: str  # a place of its own, from which a query goes on
    write: Callable[[Ranges, Callable[[str], None]], None]
    """Is given the offsets of a batch, by partition, and what writes its events to a folder that isn't there."""


class Streaming:
    """One Spark session, and the queries in it."""

    def __init__(self, settings: Settings, urls: Sequence[str]) -> None:
        """Raises MissingPartError where Spark, or what it needs for Kafka and the places ``urls``, isn't there."""
        self.settings = settings
        with translate_errors():
            self.session = open_session(settings, urls, kafka=True)
            self.session.spark.conf.set("spark.sql.codegen.wholeStage", "false")  # reading is too long for one method
            self.broker = Broker(self.session, settings)

    def start(self, follow: Follow, *, once: bool) -> StreamingQuery:
        """The query, under way; ``once``: up to what there is now."""
        name = follow.topic.name
        first = {str(n): offset for n, offset in sorted(follow.first.items())}
        options = {f"kafka.{option}": value for option, value in java_options(self.settings).items()}
        options |= {
            "subscribe": name,
            "startingOffsets": json.dumps({name: first}) if first else "earliest",
            "failOnDataLoss": "true",
            "maxOffsetsPerTrigger": str(MOST_AT_ONCE),
        }
        with translate_errors():
            frame = self.session.spark.readStream.format("kafka").options(**options).load()
            writer = frame.select("value", "partition", "offset").writeStream.queryName(name)
            writer = writer.option("checkpointLocation", place(follow.checkpoint))
            timed = (
                writer.trigger(availableNow=True)
                if once
                else writer.trigger(processingTime=f"{TRIGGER_SECONDS} seconds")
            )
            return timed.foreachBatch(lambda some, number: self._batch(follow, some, number)).start()

    def close(self) -> None:
        """Ends all queries, and Spark, if it was started for this."""
        with translate_errors():
            for query in self.session.spark.streams.active:
                query.stop()
            self.broker.close()
            self.session.close()

    def _batch(self, follow: Follow, messages: DataFrame, number: int) -> None:
        follow.write(
            self._ranges(follow, number),
            lambda folder: events_of(messages, follow.topic, self.settings).write.mode("error").parquet(folder),
        )

    def _ranges(self, follow: Follow, number: int) -> Ranges:
        """The offsets of a batch, which Spark notes before it begins with it: those behind the batch before, up to its own."""
        name, where = follow.topic.name, place(follow.checkpoint)
        ends = self._noted(f"{where}/offsets/{number}", name)
        begun = self._noted(f"{where}/offsets/{number - 1}" if number else f"{where}/sources/0/0", name)
        return {partition: (begun.get(partition, 0), end) for partition, end in sorted(ends.items())}

    def _noted(self, file: str, topic: str) -> dict[int, int]:
        """The offsets in a file of Spark's checkpoint, whose last line they are."""
        jvm = self.session.jvm
        path = jvm.org.apache.hadoop.fs.Path(file)
        stream = path.getFileSystem(self.session.hadoop_conf()).open(path)
        try:
            text: str = jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8")
        finally:
            stream.close()
        try:
            offsets: dict[str, Any] = json.loads(text.strip().splitlines()[-1])[topic]
            return {int(partition): int(offset) for partition, offset in offsets.items()}
        except (ValueError, KeyError, IndexError, AttributeError) as error:
            raise DataError(f"{file} isn't what Spark writes into a checkpoint ({error!r})") from error


def events_of(messages: DataFrame, topic: Topic, settings: Settings) -> DataFrame:
    """The events of messages (``value``, ``partition``, ``offset``): ``_partition``, ``_offset``, all sent fields, and ``_reason``."""
    spark = messages.sparkSession
    view = f"messages_of_{topic.name}"
    messages.createOrReplaceTempView(view)
    source = f"(SELECT {topic.name!r} AS _file, offset AS _row, value, partition, offset FROM {view})"
    fields = [field.name for field in topic.sent]
    select = decode.select(topic, {source: _MESSAGES}, fields, settings.platform_zone)
    return spark.sql(f"SELECT _partition, _offset, {', '.join(map(named, fields))}, _reason FROM ({select})")


def why(query: StreamingQuery) -> str | None:
    """Why a query ended; None where it goes on, or ended as it should."""
    error = query.exception()
    return None if error is None else first_line(str(error))
