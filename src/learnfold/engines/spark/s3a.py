"""How Spark reaches S3: the settings by the names that Hadoop's s3a gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learnfold.settings import Settings

FILE_SYSTEM = "org.apache.hadoop.fs.s3a.S3AFileSystem"

_PROVIDERS = "org.apache.hadoop.fs.s3a."


def place(url: str, path: str = "") -> str:
    """A storage's ``url``, or what lies at ``path`` below it, as Spark names it."""
    if url.startswith("s3://"):
        url = f"s3a://{url.removeprefix('s3://')}"
    elif "://" not in url:
        url = f"file://{url}"
    return f"{url.rstrip('/')}/{path}" if path else url


def is_s3(url: str) -> bool:
    """Whether a place is on S3."""
    return url.partition("://")[0] in {"s3", "s3a", "s3n"}


def options(settings: Settings) -> dict[str, str]:
    """What the settings say of S3; what they don't say is left to Spark's own configuration."""
    found = {
        "attempts.maximum": str(settings.s3_retries + 1),
        "retry.limit": "2",  # each such try is of all those attempts
        "connection.timeout": f"{round(settings.s3_timeout_seconds * 1000)}ms",
        "connection.maximum": str(max(96, 2 * settings.s3_requests)),
    }
    endpoint = settings.s3_endpoint.rstrip("/")
    if endpoint:
        secure = endpoint.startswith("https://") or ("://" not in endpoint and settings.s3_ssl)
        found |= {
            "endpoint": endpoint,
            "connection.ssl.enabled": str(secure).lower(),
            "path.style.access": str(settings.s3_path_style).lower(),
        }
    if endpoint or settings.s3_access_key or settings.s3_anonymous:
        found["endpoint.region"] = settings.s3_region
    if settings.s3_anonymous:
        found["aws.credentials.provider"] = f"{_PROVIDERS}AnonymousAWSCredentialsProvider"
    elif settings.s3_access_key:
        kind = "TemporaryAWSCredentialsProvider" if settings.s3_session_token else "SimpleAWSCredentialsProvider"
        found |= {
            "aws.credentials.provider": f"{_PROVIDERS}{kind}",
            "access.key": settings.s3_access_key,
            "secret.key": settings.s3_secret_key,
        }
        if settings.s3_session_token:
            found["session.token"] = settings.s3_session_token
    return {f"fs.s3a.{name}": value for name, value in found.items()}
