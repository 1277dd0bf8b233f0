"""How an S3 server is reached: everything from the settings, but the machine's own role where they name no keys."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import S3Store

from learnfold import __version__
from learnfold.errors import UsageError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Credential

    from learnfold.settings import Settings

_LONGEST = 20
"""A request whose bytes keep coming may take this many times as long as one that is silent."""


def connect(bucket: str, prefix: str, settings: Settings) -> S3Store:
    """A client of one bucket, below ``prefix``, which sends nothing yet.

    Without keys, and not anonymous, obstore looks for those of the machine: a web identity's token, a container's role, an
    instance's role, in this order. Raises UsageError where the settings can't be meant.
    """
    if bool(settings.s3_access_key) != bool(settings.s3_secret_key):
        have, lack = (
            ("s3_access_key", "s3_secret_key") if settings.s3_access_key else ("s3_secret_key", "s3_access_key")
        )
        raise UsageError(f"{have} is set, {lack} isn't; set both, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    config: S3Config = {
        "region": settings.s3_region,
        "virtual_hosted_style_request": not settings.s3_path_style,
        "skip_signature": settings.s3_anonymous,
        "conditional_put": "etag",
    }
    endpoint = endpoint_url(bucket, settings)
    if endpoint:  # both, since obstore reads the environment too and the second would win
        config["endpoint"] = config["aws_endpoint_url_s3"] = endpoint
    try:
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=config,
            client_options=_client(endpoint, settings),
            retry_config={
                "max_retries": settings.s3_retries,
                "retry_timeout": timedelta(seconds=3 * settings.s3_timeout_seconds),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=10),
                    "base": 4,  # waits are drawn from 0.1 s to this many times the last one: six tries take some 9 s
                },
            },
            credential_provider=_Keys(settings) if settings.s3_access_key and not settings.s3_anonymous else None,
        )
    except (BaseError, ValueError) as error:
        raise UsageError(f"s3://{bucket}/{prefix} can't be meant: {str(error).splitlines()[0]}") from error


def server_url(settings: Settings) -> str:
    """The server as it was set, with its scheme; empty: AWS."""
    endpoint = settings.s3_endpoint.rstrip("/")
    if endpoint and "://" not in endpoint:
        return f"{'https' if settings.s3_ssl else 'http'}://{endpoint}"
    return endpoint


def endpoint_url(bucket: str, settings: Settings) -> str:
    """What obstore calls the endpoint: with the bucket before the host's name where it isn't to be in the path."""
    server = server_url(settings)
    if not server or settings.s3_path_style:
        return server
    scheme, _, host = server.partition("://")
    return f"{scheme}://{bucket}.{host}"


class _Keys:
    """The keys of the settings, whatever else the environment holds."""

    def __init__(self, settings: Settings) -> None:
        self._keys: S3Credential = {
            "access_key_id": settings.s3_access_key,
            "secret_access_key": settings.s3_secret_key,
            "token": settings.s3_session_token or None,
            "expires_at": None,
        }

    def __call__(self) -> S3Credential:
        return self._keys


def _client(endpoint: str, settings: Settings) -> ClientConfig:
    client: ClientConfig = {
        "allow_http": endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=min(5, settings.s3_timeout_seconds)),
        "read_timeout": timedelta(seconds=settings.s3_timeout_seconds),
        "timeout": timedelta(seconds=_LONGEST * settings.s3_timeout_seconds),
        "pool_max_idle_per_host": str(settings.s3_requests),
        "user_agent": f"learnfold/{__version__}",
    }
    if settings.s3_ca_file:
        try:
            client["root_certificate"] = Path(settings.s3_ca_file).read_bytes()
        except OSError as error:
            raise UsageError(f"s3_ca_file is {settings.s3_ca_file}: {error.strerror}") from error
    return client
