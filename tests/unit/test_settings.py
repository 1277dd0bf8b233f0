"""The settings: read once, flags over environment over defaults, and refused in plain words."""

from __future__ import annotations

import dataclasses
import json

import pytest

from learnfold.errors import UsageError
from learnfold.settings import Settings, meanings


def test_without_any_word_the_defaults_hold() -> None:
    """An empty environment gives what the documentation says."""
    assert Settings.read({}) == Settings()
    assert {meaning.name: meaning.default for meaning in meanings()} == dataclasses.asdict(Settings())


@pytest.mark.parametrize("setting", dataclasses.fields(Settings), ids=lambda setting: setting.name)
def test_every_setting_is_read_from_its_own_variable(setting: dataclasses.Field) -> None:
    """LEARNFOLD_<NAME> sets each of them, in its type."""
    texts = {bool: str(not setting.default), int: "77", float: "77.5", str: "Asia/Ho_Chi_Minh"}
    text = {"engine": "spark", "memory": "77MB", "log_format": "json"}.get(setting.name, texts[type(setting.default)])
    value = getattr(Settings.read({f"LEARNFOLD_{setting.name.upper()}": text}), setting.name)
    assert type(value) is type(setting.default)
    assert str(value) == text


def test_a_flag_wins_over_the_environment_which_wins_over_others_variables() -> None:
    """In that order, setting by setting; an empty variable and a flag that isn't given say nothing."""
    aws, ours = {"AWS_REGION": "eu-west-1"}, {"LEARNFOLD_S3_REGION": "eu-west-2"}
    assert Settings.read(aws).s3_region == "eu-west-1"
    assert Settings.read(aws | ours).s3_region == "eu-west-2"
    assert Settings.read(aws | ours, s3_region="eu-west-3").s3_region == "eu-west-3"
    assert Settings.read(aws | {"LEARNFOLD_S3_REGION": ""}, s3_region=None).s3_region == "eu-west-1"
    assert Settings.read({}, threads=0, skip_unreadable=False) == Settings()


def test_the_usual_variables_of_the_storage_are_taken() -> None:
    """Amazon's and MinIO's, the nearer to us first."""
    minio = {
        "MINIO_ENDPOINT": "http://minio:9000",
        "MINIO_ACCESS_KEY": "minioadmin",
        "MINIO_SECRET_KEY": "secret",
        "MINIO_SSL_ENABLED": "false",
        "MINIO_PATH_STYLE_ACCESS": "true",
    }
    settings = Settings.read(minio)
    assert (settings.s3_endpoint, settings.s3_access_key, settings.s3_secret_key) == (
        "http://minio:9000",
        "minioadmin",
        "secret",
    )
    assert (settings.s3_ssl, settings.s3_path_style) == (False, True)
    assert Settings.read(minio | {"AWS_ENDPOINT_URL": "http://aws"}).s3_endpoint == "http://aws"


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"LEARNFOLD_ENGIN": "duckdb"}, "did you mean LEARNFOLD_ENGINE?"),
        ({"LEARNFOLD_XYZZY": "1"}, "LEARNFOLD_PLATFORM_ZONE"),
        ({"LEARNFOLD_engine": "duckdb"}, "LEARNFOLD_engine is no setting"),
        ({"LEARNFOLD_ENGINE": "sqlite"}, "'sqlite'; it can be duckdb, spark or auto"),
        ({"LEARNFOLD_THREADS": "many"}, "LEARNFOLD_THREADS is 'many'; it must be a number"),
        ({"LEARNFOLD_THREADS": "-1"}, "threads is -1; it must be at least 0"),
        ({"LEARNFOLD_THREADS": "1.5"}, "LEARNFOLD_THREADS is '1.5'"),
        ({"LEARNFOLD_GRACE_MINUTES": "nan"}, "grace_minutes is nan"),
        ({"LEARNFOLD_WAIT_SECONDS": "inf"}, "wait_seconds is inf"),
        ({"LEARNFOLD_SKIP_UNREADABLE": "perhaps"}, "'perhaps'; it can be true or false"),
        ({"LEARNFOLD_PLATFORM_ZONE": "Hanoi"}, "platform_zone is 'Hanoi', which is no time zone"),
        ({"LEARNFOLD_REPORTING_ZONE": "../UTC"}, "reporting_zone is '../UTC'"),
        ({"LEARNFOLD_REPORTING_ZONE": "Asia"}, "reporting_zone is 'Asia'"),
        ({"LEARNFOLD_KEEP_BATCHES": "0"}, "keep_batches is 0; it must be at least 1"),
    ],
)
def test_what_means_nothing_is_refused_saying_what_would(environment: dict[str, str], named: str) -> None:
    """Unknown variables name the likely or all settings; bad values name what they can be."""
    with pytest.raises(UsageError) as caught:
        Settings.read(environment)
    assert named in str(caught.value)
    assert caught.value.exit_code == 2


def test_variables_of_the_tests_and_of_others_are_left_alone() -> None:
    """Only what begins with LEARNFOLD_ is looked at, and two of those are the workshop's."""
    assert (
        Settings.read({"LEARNFOLD_TRIES": "5", "LEARNFOLD_CACHE": "/x", "PATH": "/bin", "MYLEARNFOLD_X": "1"})
        == Settings()
    )


@pytest.mark.parametrize("text", ["1", "true", "TRUE", " yes ", "on"])
def test_yes_has_many_spellings(text: str) -> None:
    """And so has no."""
    assert Settings.read({"LEARNFOLD_SKIP_UNREADABLE": text}).skip_unreadable is True
    no = {"1": "0", "true": "false", "TRUE": "False", " yes ": "no", "on": "off"}[text]
    assert Settings.read({"LEARNFOLD_S3_SSL": no}).s3_ssl is False


def test_secrets_show_nowhere() -> None:
    """Neither when settings are printed nor in what a manifest holds."""
    secret = "hunter2-and-more"
    settings = Settings(
        s3_access_key=secret, s3_secret_key=secret, s3_session_token=secret, kafka_options=f"sasl.password={secret}"
    )
    assert secret not in repr(settings)
    assert secret not in str(settings)
    assert secret not in json.dumps(settings.shown())
    assert {meaning.name for meaning in meanings() if meaning.secret} == {
        "s3_access_key",
        "s3_secret_key",
        "s3_session_token",
        "kafka_options",
        "push_gateway",
        "alert_url",
        "smtp_url",
        "openlineage",
        "openlineage_key",
        "lrs_credentials",
    }


def test_settings_do_not_change() -> None:
    """They are frozen once read."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().threads = 3  # type: ignore[misc]


def test_every_setting_says_what_it_means() -> None:
    """In a line that documentation shows; names carry their unit."""
    for meaning in meanings():
        assert meaning.meaning, meaning.name
        assert meaning.variable == f"LEARNFOLD_{meaning.name.upper()}"
        if isinstance(meaning.default, float):
            assert meaning.name.endswith(("_seconds", "_minutes", "_percentage", "_percentile", "_events")), (
                meaning.name
            )
