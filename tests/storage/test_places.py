"""Where a registry lives, as URLs, and what is shown of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.errors import ConfigurationError
from muniment.storage.factory import open_folder, open_stores
from muniment.storage.places import ObjectOptions, Place, is_place, object_options, shown_url


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("postgresql://ada:pw@db:5432/models?sslmode=require", None),
        ("postgres://db/models", "postgresql://db/models"),
        ("POSTGRESQL://db/models", "postgresql://db/models"),
        ("mongodb://a:1,b:2/models?replicaSet=rs", None),
        ("mongodb+srv://cluster/models", None),
        ("sqlite:////var/models.db", None),
        ("sqlite:////var/a%20b.db", None),
    ],
)
def test_a_database_has_one_url(said: str, meant: str | None) -> None:
    assert Place.of(said, "blobs").database == (meant or said)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("file:///srv/a%20b", None),
        ("/srv/a b", "file:///srv/a%20b"),
        ("file://localhost/srv", "file:///srv"),
        ("s3://bucket", None),
        ("S3://bucket/a/prefix/", "s3://bucket/a/prefix"),
        ("gs://bucket/prefix", None),
        ("az://container", None),
    ],
)
def test_blobs_have_one_url(said: str, meant: str | None) -> None:
    assert Place.of("mongodb://db/x", said).blobs == (meant or said)


def test_relative_paths_are_those_of_the_current_folder(tmp_path: Path) -> None:
    place = Place.of("sqlite:///a/models.db", "b")
    assert place.sqlite_file == tmp_path / "a" / "models.db"
    assert place.blobs_folder == tmp_path / "b"
    assert place.folder is None


@pytest.mark.parametrize("name", ["home", "a b", "100%", "ü", "a#b", "what?", "a@b"])
def test_a_folder_of_any_name_is_a_place(tmp_path: Path, name: str) -> None:
    place = Place.of_folder(Path(name))
    assert place.folder == tmp_path / name
    assert place.shown == str(tmp_path / name)
    assert Place.of(place.database, place.blobs) == place
    stores = open_folder(Path(name))
    stores.metadata.close()
    stores.blobs.close()
    assert (tmp_path / name / "muniment.db").exists()
    assert (tmp_path / name / "blobs").is_dir()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "db",
        "mysql://db/x",
        "postgresql:db",
        "sqlite://x.db",
        "sqlite:///",
        "sqlite:///x.db?a=b",
    ],
)
def test_what_is_no_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="database") as refused:
        Place.of(url, "blobs")
    assert refused.value.details["setting"] == "database"


@pytest.mark.parametrize(
    "url", ["", "s3://", "s3:///x", "http://host/x", "file://host/x", "s3://key:hunter2@bucket"]
)
def test_what_is_no_place_for_blobs_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="blobs") as refused:
        Place.of("mongodb://db/x", url)
    assert "hunter2" not in f"{refused.value} {refused.value.details}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:hunter2@db:5432/m", "postgresql://ada:***@db:5432/m"),
        ("postgresql://ada@db/m", "postgresql://ada@db/m"),
        ("mongodb://ada:h@un/te:r2?@a,b/m", "mongodb://ada:***@a,b/m"),
        (
            "postgresql://db/m?user=a&password=hunter2&x=1",
            "postgresql://db/m?user=a&password=***&x=1",
        ),
        ("postgresql://db/m?password=hun@ter2", "postgresql://***@ter2"),
        (
            "mongodb://db/m?authMechanismProperties=AWS_SESSION_TOKEN:hunter2",
            "mongodb://db/m?authMechanismProperties=***",
        ),
        ("ada:hunter2@db", "***@db"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("a/folder", "a/folder"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_a_place_shows_no_password() -> None:
    options = ObjectOptions(secret_access_key="hunter2", session_token="hunter3")
    place = Place.of("postgresql://ada:hunter1@db/m", "s3://b/p", options)
    assert place.shown == "postgresql://ada:***@db/m with s3://b/p"
    assert "hunter" not in f"{place!r} {place} {place.options!r}"


def test_only_urls_of_databases_are_addresses_of_places() -> None:
    assert is_place("postgresql://db/x")
    assert is_place("sqlite:///x.db")
    assert not is_place("http://host")
    assert not is_place("file:///x")
    assert not is_place("postgresql")


def test_an_object_store_is_reached_as_the_environment_says() -> None:
    assert object_options({}) == ObjectOptions()
    said = {
        "MUNIMENT_S3_ENDPOINT": "http://minio:9000",
        "MUNIMENT_S3_ACCESS_KEY_ID": "ada",
        "MUNIMENT_S3_SECRET_ACCESS_KEY": "hunter2",
    }
    options = object_options(said)
    assert (options.endpoint, options.allow_http) == ("http://minio:9000", True)
    assert (options.access_key_id, options.secret_access_key) == ("ada", "hunter2")


def test_the_two_parts_of_a_place_may_lie_apart(tmp_path: Path) -> None:
    place = Place.of("sqlite:///a/models.db", "b")
    stores = open_stores(place)
    stores.metadata.close()
    stores.blobs.close()
    assert (tmp_path / "a" / "models.db").exists()
    assert (tmp_path / "b").is_dir()


def test_blobs_without_the_database_that_knows_them_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b" / "sha256" / "ab").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"models\.db is gone"):
        open_stores(Place.of("sqlite:///a/models.db", "b"))
