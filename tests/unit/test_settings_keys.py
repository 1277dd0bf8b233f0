"""The keys of S3 among the settings: which variables they come from when several are set."""

from __future__ import annotations

from learnfold.settings import Settings

AWS = {"AWS_ACCESS_KEY_ID": "a1", "AWS_SECRET_ACCESS_KEY": "a2", "AWS_SESSION_TOKEN": "a3"}
MINIO = {"MINIO_ACCESS_KEY": "m1", "MINIO_SECRET_KEY": "m2"}
OURS = {"LEARNFOLD_S3_ACCESS_KEY": "o1", "LEARNFOLD_S3_SECRET_KEY": "o2"}


def keys(**environment: str) -> tuple[str, str, str]:
    """Access key, secret and token."""
    settings = Settings.read(environment)
    return settings.s3_access_key, settings.s3_secret_key, settings.s3_session_token


def test_each_family_of_variables_is_enough() -> None:
    """Ours, AWS's and MinIO's, its server's own too."""
    assert keys(**AWS) == ("a1", "a2", "a3")
    assert keys(**MINIO) == ("m1", "m2", "")
    assert keys(**OURS) == ("o1", "o2", "")
    assert keys(MINIO_ROOT_USER="r1", MINIO_ROOT_PASSWORD="r2") == ("r1", "r2", "")
    assert keys() == ("", "", "")


def test_keys_of_two_families_are_never_mixed() -> None:
    """The access key decides: a secret or a session token that belongs to another one isn't sent with it."""
    assert keys(**AWS, **MINIO) == ("a1", "a2", "a3")
    assert keys(**AWS, **OURS) == ("o1", "o2", "")
    assert keys(**MINIO, AWS_SECRET_ACCESS_KEY="a2", AWS_SESSION_TOKEN="a3") == ("m1", "m2", "")
    assert keys(**OURS, LEARNFOLD_S3_SESSION_TOKEN="o3", AWS_SESSION_TOKEN="a3") == ("o1", "o2", "o3")
    assert keys(**MINIO, LEARNFOLD_S3_SESSION_TOKEN="o3") == ("m1", "m2", "o3")
