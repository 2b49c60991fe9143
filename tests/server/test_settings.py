from __future__ import annotations

import logging
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import muniment
from muniment.errors import ConfigurationError
from muniment.server.setting_texts import MASK, SECRETS
from muniment.server.settings import (
    OF_OTHERS,
    Settings,
    describe_settings,
    load_settings,
)
from muniment.storage.places import ObjectOptions, Place

SOURCES = Path(muniment.__file__).parent


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MUNIMENT_CHECKS_EVERY")  # set for the servers of other tests


def source_of(name: str, **arguments: object) -> str:
    return next(s.source for s in describe_settings(**arguments) if s.name == name)


def test_without_any_setting_the_server_serves_loopback_and_a_folder_here() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.home) == ("127.0.0.1", 8000, Path(".muniment"))
    assert settings == Settings()


def test_an_argument_wins_over_the_environment_and_that_over_dotenv(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("MUNIMENT_PORT=1\nREGISTRY_PORT=2\nMUNIMENT_WORKERS=3\n")
    assert (load_settings().port, source_of("port")) == (1, ".env file MUNIMENT_PORT")
    monkeypatch.setenv("MUNIMENT_PORT", "4")
    assert (load_settings().port, source_of("port")) == (4, "environment variable MUNIMENT_PORT")
    assert (load_settings(port=5).port, source_of("port", port=5)) == (5, "argument")
    assert load_settings().workers == 3


def test_our_name_in_dotenv_wins_over_the_classic_name_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REGISTRY_PORT", "7")
    assert (load_settings().port, source_of("port")) == (7, "environment variable REGISTRY_PORT")
    Path(".env").write_text("MUNIMENT_PORT=1\n")
    assert load_settings().port == 1


def test_an_argument_that_is_none_and_an_empty_variable_count_as_not_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MUNIMENT_PORT", "")
    monkeypatch.setenv("MONGODB_URL", "")
    assert load_settings(port=None).port == 8000
    assert source_of("port", port=None) == "default"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("90s", 90), ("1.5m", 90), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600)],
)
def test_durations_are_seconds_or_have_a_unit(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: int
) -> None:
    monkeypatch.setenv("MUNIMENT_GRACE", text)
    assert load_settings().grace == timedelta(seconds=expected)


@pytest.mark.parametrize(("text", "expected"), [("512", 512), ("64KiB", 65_536), ("1 MiB", 2**20)])
def test_sizes_are_bytes_or_have_a_unit(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: int
) -> None:
    monkeypatch.setenv("MUNIMENT_MAX_JSON_BYTES", text)
    assert load_settings().max_json_bytes == expected


def test_allowed_hosts_are_separated_by_commas_and_compare_without_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MUNIMENT_ALLOWED_HOSTS", "Registry.example.com, [fe80::1]")
    assert load_settings().allowed_hosts == ("registry.example.com", "[fe80::1]")


def test_networks_of_proxies_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_TRUSTED_PROXIES", "10.1.2.3/8, ::1")
    assert load_settings().trusted_proxies == ("10.0.0.0/8", "::1/128")


def test_a_secret_may_stand_in_a_file_and_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Path("secret").write_text("hunter2\n")
    name = "oidc_client_secret"
    assert name in SECRETS
    monkeypatch.setenv("MUNIMENT_OIDC_CLIENT_SECRET_FILE", "secret")
    with caplog.at_level(logging.WARNING):
        secret = load_settings().oidc_client_secret
    assert secret is not None
    assert secret.get_secret_value() == "hunter2"
    assert caplog.text == ""
    assert source_of(name) == "environment variable MUNIMENT_OIDC_CLIENT_SECRET_FILE"
    (described,) = (setting for setting in describe_settings() if setting.name == name)
    assert described.value == MASK
    assert "hunter2" not in f"{load_settings()!r} {describe_settings()}"
    monkeypatch.setenv("MUNIMENT_OIDC_CLIENT_SECRET", "another")
    secret = load_settings().oidc_client_secret
    assert secret is not None
    assert secret.get_secret_value() == "another"


def test_a_secret_whose_file_can_not_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_OIDC_CLIENT_SECRET_FILE", "nowhere")
    with pytest.raises(ConfigurationError, match=r"'nowhere'.*_FILE"):
        load_settings()


def test_a_wrong_secret_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(oidc_client_secret=["hunter2"])
    assert "hunter2" not in f"{refused.value} {refused.value.details}"
    assert refused.value.__cause__ is None


def test_what_is_described_can_be_set_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_ALLOWED_HOSTS", "a,b")
    described = describe_settings()
    for setting in described:
        monkeypatch.setenv(setting.variable, setting.value)
    assert [s.value for s in describe_settings()] == [s.value for s in described]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MUNIMENT_PORT", "70000"),
        ("MUNIMENT_PORT", "http"),
        ("MUNIMENT_WORKERS", "0"),
        ("MUNIMENT_GRACE", "soon"),
        ("MUNIMENT_GRACE", "-1"),
        ("MUNIMENT_MAX_JSON_BYTES", "0"),
        ("MUNIMENT_MAX_JSON_BYTES", "32MB"),
        ("MUNIMENT_METRICS", "perhaps"),
        ("MUNIMENT_LOG_LEVEL", "loud"),
        ("MUNIMENT_ALLOWED_HOSTS", "https://registry.example.com"),
        ("MUNIMENT_TRUSTED_PROXIES", "proxy.example.com"),
        ("MUNIMENT_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("MUNIMENT_PROXY_USER_HEADER", "X-User:"),
        ("MUNIMENT_OIDC_ISSUER", "http://idp.example.com"),
        ("MUNIMENT_OIDC_ISSUER", "idp.example.com"),
        ("MUNIMENT_AUDIT_RETENTION", "23h"),
        ("MUNIMENT_AUDIT_RETENTION", "-1"),
        ("MUNIMENT_RATE_LIMIT", "-1"),
        ("MUNIMENT_RATE_LIMIT", "nan"),
        ("REGISTRY_PORT", "-1"),
        ("MUNIMENT_DATABASE", "mysql://db/models"),
        ("MUNIMENT_BLOBS", "ftp://bucket"),
        ("MUNIMENT_S3_ENDPOINT", "minio:9000"),
        ("MUNIMENT_MLFLOW_DATABASE", "mongodb://db/runs"),
        ("MUNIMENT_USE_RETENTION", "1h"),
        ("MUNIMENT_GC_EVERY", "often"),
    ],
)
def test_a_wrong_value_is_refused_with_name_value_source_and_rule(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    message = str(refused.value)
    assert repr(value) in message
    assert f"environment variable {variable}" in message
    assert str(refused.value.details["setting"]) in message
    assert str(refused.value.details["rule"]) in message


def test_an_argument_that_no_setting_has_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="colour"):
        load_settings(colour="blue")


def test_a_registry_lives_in_its_home_unless_it_is_told_where(tmp_path: Path) -> None:
    assert load_settings().place == Place.of_folder(tmp_path / ".muniment")
    assert load_settings().shown_place == "./.muniment"
    said = load_settings(database="postgresql://ada:hunter2@db/models", blobs="s3://bucket/models")
    assert said.place.database == "postgresql://ada:hunter2@db/models"
    assert said.place.blobs == "s3://bucket/models"
    assert said.shown_place == "postgresql://ada:***@db/models with s3://bucket/models"
    assert load_settings(blobs="elsewhere").place.blobs_folder == tmp_path / "elsewhere"


def test_an_object_store_is_reached_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("secret").write_text("hunter2\n")
    monkeypatch.setenv("MUNIMENT_S3_ENDPOINT", "http://minio:9000/")
    monkeypatch.setenv("MUNIMENT_S3_PUBLIC_ENDPOINT", "https://files.example.com")
    monkeypatch.setenv("MUNIMENT_S3_REGION", "eu-west-1")
    monkeypatch.setenv("MUNIMENT_S3_ACCESS_KEY_ID", "ada")
    monkeypatch.setenv("MUNIMENT_S3_SECRET_ACCESS_KEY_FILE", "secret")
    monkeypatch.setenv("MUNIMENT_DIRECT_TRANSFER", "false")
    assert load_settings().place.options == ObjectOptions(
        endpoint="http://minio:9000",
        region="eu-west-1",
        access_key_id="ada",
        secret_access_key="hunter2",
        allow_http=True,
        public_endpoint="https://files.example.com",
        direct=False,
    )
    assert "hunter2" not in f"{load_settings()!r} {describe_settings()}"


def test_the_password_of_a_database_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("url").write_text("postgresql://ada:hunter2@db/models\n")
    monkeypatch.setenv("MUNIMENT_DATABASE_FILE", "url")
    monkeypatch.setenv("MUNIMENT_MLFLOW_DATABASE", "postgresql://ada:hunter2@db/runs")
    settings = load_settings()
    assert settings.place.database == "postgresql://ada:hunter2@db/models"
    shown = {setting.name: setting.value for setting in describe_settings()}
    assert shown["database"] == "postgresql://ada:***@db/models"
    assert shown["mlflow_database"] == "postgresql://ada:***@db/runs"
    assert "hunter2" not in f"{settings!r} {settings.place!r} {describe_settings()}"
    assert source_of("database") == "environment variable MUNIMENT_DATABASE_FILE"


@pytest.mark.parametrize("place", ["environment variable", ".env file"])
def test_the_classic_variables_select_mongodb_and_minio(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    said = {
        "MONGODB_URL": "mongodb://root:hunter2@db:27017",
        "MINIO_ENDPOINT": "minio:9000",
        "MINIO_ACCESS_KEY": "ada",
        "MINIO_SECRET_KEY": "hunter2",
    }
    if place == ".env file":
        Path(".env").write_text("".join(f"{name}={value}\n" for name, value in said.items()))
    else:
        for name, value in said.items():
            monkeypatch.setenv(name, value)
    found = load_settings().place
    assert found.database == "mongodb://root:hunter2@db:27017/metadata?authSource=admin"
    assert found.blobs == "s3://models"
    assert found.options.endpoint == "http://minio:9000"
    assert (found.options.access_key_id, found.options.secret_access_key) == ("ada", "hunter2")
    assert found.options.allow_http
    assert "hunter2" not in f"{load_settings()!r} {describe_settings()}"
    assert source_of("database") == f"{place} MONGODB_URL"
    assert source_of("blobs") == f"{place} MINIO_ENDPOINT"
    assert source_of("s3_secret_access_key") == f"{place} MINIO_SECRET_KEY"


@pytest.mark.parametrize(
    ("url", "name", "meant"),
    [
        ("mongodb://db", "", "mongodb://db/metadata"),
        ("mongodb://db/", "x", "mongodb://db/x"),
        ("mongodb://db/y", "", "mongodb://db/y"),
        ("mongodb://a:b@db/y", "", "mongodb://a:b@db/y"),
        ("mongodb://a:b@db/y", "x", "mongodb://a:b@db/x?authSource=y"),
        ("mongodb://a:b@db/?authSource=z&w=1", "x", "mongodb://a:b@db/x?authSource=z&w=1"),
        ("mongodb+srv://a:b@db", "x", "mongodb+srv://a:b@db/x?authSource=admin"),
    ],
)
def test_a_classic_database_is_named_apart_and_signed_in_to_where_its_url_says(
    monkeypatch: pytest.MonkeyPatch, url: str, name: str, meant: str
) -> None:
    monkeypatch.setenv("MONGODB_URL", url)
    monkeypatch.setenv("MONGODB_DB", name)
    assert load_settings().place.database == meant


@pytest.mark.parametrize(
    ("endpoint", "secure", "meant"),
    [
        ("minio:9000", "true", "https://minio:9000"),
        ("minio:9000", "False", "http://minio:9000"),
        ("https://minio", "", "https://minio"),
    ],
)
def test_classic_minio_is_reached_with_tls_if_it_says_so(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, secure: str, meant: str
) -> None:
    monkeypatch.setenv("MINIO_ENDPOINT", endpoint)
    monkeypatch.setenv("MINIO_SECURE", secure)
    monkeypatch.setenv("MINIO_BUCKET", "ml")
    found = load_settings().place
    assert (found.blobs, found.options.endpoint) == ("s3://ml", meant)
    assert found.options.allow_http is meant.startswith("http:")


def test_our_names_win_over_a_classic_store_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URL", "mongodb://db")
    monkeypatch.setenv("MINIO_ENDPOINT", "minio:9000")
    monkeypatch.setenv("MINIO_SECRET_KEY", "hunter2")
    Path(".env").write_text("MUNIMENT_DATABASE=postgresql://db/x\nMUNIMENT_BLOBS=s3://ours\n")
    found = load_settings().place
    assert found.database == "postgresql://db/x"
    assert found.blobs == "s3://ours"
    assert found.options == ObjectOptions()  # no key of another store's


@pytest.mark.parametrize("variable", ["MONGODB_URL", "MINIO_ENDPOINT"])
def test_a_wrong_classic_store_is_refused_without_showing_its_secrets(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "ftp://root:hunter2@db")
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    message = f"{refused.value} {refused.value.details}"
    assert variable in message
    assert "hunter2" not in message


def test_a_classic_option_without_its_store_is_warned_of_without_its_value(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MINIO_SECRET_KEY", "hunter2")
    with caplog.at_level(logging.WARNING):
        load_settings()
    assert "MINIO_SECRET_KEY" in caplog.text
    assert "hunter2" not in caplog.text


def test_an_unknown_variable_is_warned_of_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MUNIMENT_PROT", "1")
    with caplog.at_level(logging.WARNING):
        load_settings()
    assert "MUNIMENT_PROT" in caplog.text
    assert "Did you mean MUNIMENT_PORT?" in caplog.text


def test_a_dotenv_file_that_is_no_text_is_refused() -> None:
    Path(".env").write_bytes(b"MUNIMENT_PORT=\xff\xfe\n")
    with pytest.raises(ConfigurationError, match=re.escape(".env")):
        load_settings()


def test_every_variable_that_the_sources_name_is_known() -> None:
    text = "".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py"))
    settings = {setting.variable for setting in describe_settings()}
    known = settings | OF_OTHERS | {f"MUNIMENT_{name.upper()}_FILE" for name in SECRETS}
    assert set(re.findall(r"MUNIMENT_[A-Z][A-Z_]*[A-Z]", text)) - known == set()


def test_importing_muniment_imports_no_pydantic() -> None:
    script = "import sys, muniment; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("place", ["file:///srv/mlruns", "http://tracking:5000", "https://m/ml"])
def test_models_may_be_ingested_from_folders_and_servers(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("MUNIMENT_MLFLOW_INGEST", f"{place}, file:///other")
    assert load_settings().mlflow_ingest == (place, "file:///other")


@pytest.mark.parametrize(
    "place", ["/srv/mlruns", "file://host/x", "file:x", "s3://b", "http://", "http://a:b@host", ","]
)
def test_models_may_be_ingested_from_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("MUNIMENT_MLFLOW_INGEST", place)
    with pytest.raises(ConfigurationError, match="tracking:5000"):
        load_settings()
