"""The settings: one frozen object, read once at the edge and passed down.

A flag wins over ``LEARNFOLD_<NAME>``, which wins over the usual variables of the storage (``AWS_*``, and the seed's ``MINIO_*``),
which win over the default. A variable ``LEARNFOLD_…`` that means nothing is refused.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from learnfold.addresses import without_secrets
from learnfold.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "LEARNFOLD_"
ELSEWHERE = ("LEARNFOLD_TRIES", "LEARNFOLD_CACHE")
"""Variables of ours that aren't settings: how often the tests try, and where downloads are kept."""

ENGINES = ("duckdb", "spark", "auto")
"""What ``engine`` may be."""

WITH_ACCESS_KEY = ("s3_secret_key", "s3_session_token")
"""What comes from the variables that the access key came from, or from ours: keys of AWS and of MinIO are never mixed."""


_MEMORY = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([KMGT])(I?)B?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Zones:
    """The two time zones that decide what an event means, by their names in the tz database."""

    platform: str = "UTC"  # of event timestamps that carry no offset
    reporting: str = "UTC"  # of the dates and hours of views


def _setting(default: Any, meaning: str, *others: str, secret: bool = False, least: float | None = None) -> Any:
    return field(
        default=default,
        repr=not secret,
        metadata={"meaning": meaning, "others": others, "secret": secret, "least": least},
    )


@dataclass(frozen=True)
class Settings:
    """Everything that can be set; the meaning of each is in its field."""

    # what the events mean
    platform_zone: str = _setting("UTC", "time zone of event timestamps that carry no offset")
    reporting_zone: str = _setting("UTC", "time zone of the views' dates and hours")
    # what the views call worth a look: thresholds of student_at_risk and course_risk_summary
    absent_days: int = _setting(7, "days without anything done in a course after which a student is absent", least=1)
    fading_percentage: float = _setting(
        50.0, "percent of the usual week's events below which a student is fading", least=0
    )
    fading_events: float = _setting(6.0, "events a week from which on a student can be fading", least=0)
    missing_assignments: int = _setting(4, "assignments due and not handed in that are missing work", least=1)
    low_score_percentage: float = _setting(60.0, "percent of the points possible below which a grade is low", least=0)
    few_videos_percentile: float = _setting(
        10.0, "percentile of minutes watched up to which a student watches few videos", least=0
    )
    due_submitters: int = _setting(
        20, "people who must have handed in an assignment without a due date before it can count as due", least=1
    )
    due_days: int = _setting(3, "days after 90 % of them handed it in from which on it does", least=0)
    flagged_signals: int = _setting(2, "signals from which on a student is flagged", least=1)
    # where SQL runs
    engine: str = _setting(
        "duckdb",
        "where SQL runs: duckdb (this process), spark (a cluster, and within the bounds below DuckDB in the driver), or auto "
        "(the same, and DuckDB alone where Spark isn't installed)",
    )
    driver_events: int = _setting(
        20_000_000, "events folded at once up to which DuckDB in the driver does it, not Spark; 0: never", least=0
    )
    driver_rows: int = _setting(
        20_000_000,
        "rows read by a view or a merge up to which DuckDB in the driver does it, not Spark; 0: never",
        least=0,
    )
    driver_bytes: int = _setting(2_000_000_000, "bytes of files up to which the driver does either", least=0)
    memory: str = _setting("", "memory DuckDB may use, such as 4GB or 512MiB; empty: half of what is free")
    threads: int = _setting(0, "threads DuckDB may use; 0: one a core", least=0)
    temporary_folder: str = _setting(
        "", "where work that doesn't fit in memory and fetched files go; empty: the system's"
    )
    # a run
    skip_unreadable: bool = _setting(default=False, meaning="go on without files that can't be read, and say so")
    keep_batches: int = _setting(5, "published batches that stay for readers and rollback", least=1)
    grace_minutes: float = _setting(
        60.0, "minutes that files no batch needs stay for readers that still hold them", least=0
    )
    wait_seconds: float = _setting(
        0.0, "seconds to wait for another run into the same place; 0: refuse at once", least=0
    )
    states: bool = _setting(
        default=False,
        meaning="a run also keeps states, tuples and ids, from which live events are added to the views; the next --full run keeps all",
    )
    lease_seconds: float = _setting(
        60.0,
        "seconds of silence after which the lock of a run is taken over, if its process may still be there",
        least=5,
    )
    future_days: int = _setting(
        1,
        "days ahead of the clock from which on an event counts as one of the future, which freshness and today ignore",
        least=0,
    )
    # being watched
    log_format: str = _setting(
        "",
        "form of the lines on stderr about finished work: text or json; empty: text where a command runs for long, else not at all",
    )
    metrics_file: str = _setting(
        "", "file for the last run's numbers as Prometheus text (node_exporter's textfile folder)"
    )
    push_gateway: str = _setting("", "URL of a Prometheus Pushgateway for the last run's numbers", secret=True)
    run_interval_seconds: float = _setting(
        0.0,
        "how often runs are meant to come, for the alert rules; 0: the interval given to 'learnfold monitoring'",
        least=0,
    )
    metrics_port: int = _setting(0, "port of the ingestion's Prometheus endpoint; 0: none", least=0)
    metrics_address: str = _setting(
        "127.0.0.1", "address that the endpoint listens at; 0.0.0.0: every one, for a Prometheus on another machine"
    )
    alert_url: str = _setting("", "webhook that gets JSON when a run fails, and when runs succeed again", secret=True)
    alert_mail: str = _setting("", "mail addresses that get the same, separated by commas")
    mail_from: str = _setting("", "sender of mails; empty: learnfold at this machine")
    smtp_url: str = _setting(
        "smtp://localhost:25",
        "mail server: smtp://user:password@host:587, or smtps:// for TLS from the start",
        secret=True,
    )
    openlineage: str = _setting(
        "",
        "where OpenLineage documents of runs go: an http address, or a file that gets a line for each; empty: nowhere",
        secret=True,
    )
    openlineage_key: str = _setting("", "key that the address asks for, sent as a bearer token", secret=True)
    # S3
    s3_endpoint: str = _setting(
        "",
        "URL of the S3 server; empty: AWS",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT",
        "MINIO_ENDPOINT",
    )
    s3_region: str = _setting("us-east-1", "region of the buckets", "AWS_REGION", "AWS_DEFAULT_REGION", "MINIO_REGION")
    s3_access_key: str = _setting(
        "",
        "access key; empty: the machine's role",
        "AWS_ACCESS_KEY_ID",
        "MINIO_ACCESS_KEY",
        "MINIO_ROOT_USER",
        secret=True,
    )
    s3_secret_key: str = _setting(
        "", "secret key", "AWS_SECRET_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_ROOT_PASSWORD", secret=True
    )
    s3_session_token: str = _setting("", "session token of temporary keys", "AWS_SESSION_TOKEN", secret=True)
    s3_anonymous: bool = _setting(False, "no keys: a public bucket", "AWS_SKIP_SIGNATURE")
    s3_path_style: bool = _setting(
        True, "the bucket is in the path (MinIO), not in the host name (AWS)", "MINIO_PATH_STYLE_ACCESS"
    )
    s3_ssl: bool = _setting(True, "TLS for endpoints given without http:// or https://", "MINIO_SSL_ENABLED")
    s3_ca_file: str = _setting(
        "", "file of certificates (PEM) to trust beside the system's, of a private authority", "AWS_CA_BUNDLE"
    )
    s3_requests: int = _setting(32, "requests under way at once", least=1)
    s3_retries: int = _setting(6, "tries after a server error or a time-out", least=0)
    s3_timeout_seconds: float = _setting(30.0, "seconds a request may be silent", least=1)
    # Spark, by the seed's names
    executor_memory: str = _setting("4g", "memory of a Spark executor")
    executor_cores: int = _setting(2, "cores of a Spark executor", least=1)
    num_executors: int = _setting(3, "Spark executors", least=1)
    driver_memory: str = _setting("2g", "memory of the Spark driver")
    shuffle_partitions: int = _setting(200, "partitions of a Spark shuffle", least=1)
    default_parallelism: int = _setting(100, "partitions of a Spark RDD", least=1)
    spark_master: str = _setting("", "Spark master when not run by spark-submit, such as local[*] or spark://host:7077")
    spark_jars: str = _setting(
        "", "folder of the jars Spark needs for s3a and Kafka; empty: what 'learnfold jars' fetched"
    )
    # Kafka
    kafka_servers: str = _setting("localhost:9092", "Kafka's bootstrap servers", "KAFKA_BOOTSTRAP_SERVERS")
    kafka_group: str = _setting("learnfold", "consumer group of the ingestion")
    kafka_options: str = _setting("", "more of librdkafka's own settings: name=value, separated by commas", secret=True)
    flush_events: int = _setting(500_000, "events after which ingestion writes a file", least=1)
    flush_bytes: int = _setting(
        256_000_000, "bytes of messages held in memory after which ingestion writes files", least=1
    )
    flush_seconds: float = _setting(60.0, "seconds after which ingestion writes what it holds", least=0.1)
    # a learning record store
    lrs_credentials: str = _setting("", "KEY:SECRET of the LRS that is pulled from, or a bearer token", secret=True)
    lrs_credentials_file: str = _setting("", "file that holds them instead, as a mounted secret does")

    def __post_init__(self) -> None:
        """Refuse what no part could work with."""
        for name in ("platform_zone", "reporting_zone"):
            _zone(name, getattr(self, name))
        if self.engine not in ENGINES:
            raise UsageError(f"engine is {self.engine!r}; it can be {', '.join(ENGINES[:-1])} or {ENGINES[-1]}")
        if self.memory:
            memory_size(self.memory)
        if self.log_format not in {"", "text", "json"}:
            raise UsageError(f"log_format is {self.log_format!r}; it can be text or json")
        for setting in dataclasses.fields(self):
            least, value = setting.metadata["least"], getattr(self, setting.name)
            if least is not None and not least <= value < math.inf:
                raise UsageError(f"{setting.name} is {value}; it must be at least {least}")

    @classmethod
    def read(cls, environment: Mapping[str, str], **flags: Any) -> Settings:
        """The settings of ``environment``, over which ``flags`` (by name; None: not given) win; raises UsageError."""
        names = {setting.name: setting for setting in dataclasses.fields(cls)}
        known = {*ELSEWHERE, *(PREFIX + name.upper() for name in names)}
        for variable in environment:
            if variable.startswith(PREFIX) and variable not in known:
                raise UsageError(f"{variable} is no setting; {_known(variable, list(names))}")
        values: dict[str, Any] = {}
        family = ""
        for name, setting in names.items():
            for variable in (PREFIX + name.upper(), *setting.metadata["others"]):
                text = environment.get(variable, "")
                if text == "" or (name in WITH_ACCESS_KEY and not variable.startswith((PREFIX, family))):
                    continue
                values[name] = _value(variable, text, setting.default)
                if name == "s3_access_key":
                    family = variable.partition("_")[0]
                break
        values |= {name: value for name, value in flags.items() if value is not None}
        return cls(**values)

    @property
    def zones(self) -> Zones:
        """The two zones together."""
        return Zones(self.platform_zone, self.reporting_zone)

    def shown(self) -> dict[str, Any]:
        """Every setting that isn't a secret, by name: what a manifest may hold; addresses without passwords."""
        values = {s.name: getattr(self, s.name) for s in dataclasses.fields(self) if not s.metadata["secret"]}
        return {name: without_secrets(value) if isinstance(value, str) else value for name, value in values.items()}

    def __repr__(self) -> str:
        """What may be shown."""
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.shown().items())})"


@dataclass(frozen=True)
class Meaning:
    """One setting as documentation shows it."""

    name: str
    variable: str
    others: tuple[str, ...]
    default: Any
    meaning: str
    secret: bool


def meanings() -> list[Meaning]:
    """All settings, in order."""
    return [
        Meaning(
            s.name,
            PREFIX + s.name.upper(),
            s.metadata["others"],
            s.default,
            s.metadata["meaning"],
            s.metadata["secret"],
        )
        for s in dataclasses.fields(Settings)
    ]


def meaning(name: str) -> str:
    """What a setting means."""
    return next(one.meaning for one in meanings() if one.name == name)


def memory_size(text: str) -> int:
    """The bytes of a size such as 4GB (thousands), 512MiB (1024s) or 2g; raises UsageError for anything else, and for none."""
    found = _MEMORY.fullmatch(text)
    size = 0
    if found:
        number, unit, binary = found.groups()
        size = int(float(number) * (1024 if binary else 1000) ** ("KMGT".index(unit.upper()) + 1))
    if not size:
        raise UsageError(f"memory is {text!r}; one is called 4GB or 512MiB")
    return size


@cache
def _zone(name: str, zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(f"{name} is {zone!r}, which is no time zone; one is called Asia/Ho_Chi_Minh") from error


def _value(variable: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        lowered = text.strip().lower()
        if lowered in {"1", "true", "yes", "on"}:
            return True
        if lowered in {"0", "false", "no", "off"}:
            return False
        raise UsageError(f"{variable} is {text!r}; it can be true or false")
    if isinstance(default, (int, float)):
        try:
            return type(default)(text)
        except ValueError:
            raise UsageError(f"{variable} is {text!r}; it must be a number") from None
    return text


def _known(variable: str, names: list[str]) -> str:
    near = difflib.get_close_matches(variable[len(PREFIX) :].lower(), names, n=1)
    hint = f"did you mean {PREFIX}{near[0].upper()}? " if near else ""
    return f"{hint}The settings are {', '.join(PREFIX + name.upper() for name in names)}"
