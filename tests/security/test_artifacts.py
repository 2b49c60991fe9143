"""Whose files the artifact proxy shows, and what registering them tells."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import httpx

from muniment.server.app import create_app
from muniment.server.settings import Settings
from tests.security.conftest import World
from tests.server.conftest import serving

FILES: Final = "/api/2.0/mlflow-artifacts/artifacts"
MLFLOW: Final = "/api/2.0/mlflow"


def uuid_of(world: World, model: str) -> str:
    world.version(model, b"secret weights of " + model.encode())
    return world.owner.catalog.version(model, 1).uuid


def test_the_files_of_a_version_are_for_those_who_may_download_them(
    client: httpx.Client, world: World
) -> None:
    mine, hidden = world.name("fraud"), world.name("credit")
    for model, seen in ((mine, 200), (hidden, 404)):
        root = f"_muniment/versions/{uuid_of(world, model)}"
        narrow = world.headers("narrow")
        assert client.get(f"{FILES}/{root}/model.bin", headers=narrow).status_code == seen
        listed = client.get(FILES, params={"path": root}, headers=narrow)
        assert (listed.status_code, bool(listed.json())) == (200, seen == 200)
        viewer = client.get(f"{FILES}/{root}/model.bin", headers=world.headers("viewer"))
        assert viewer.status_code == 200
        for who in ("outsider", "tracker"):
            answer = client.get(f"{FILES}/{root}/model.bin", headers=world.headers(who))
            assert answer.status_code in (403, 404)


def test_a_tracker_logs_files_and_sees_no_model(client: httpx.Client, world: World) -> None:
    headers = world.headers("tracker")
    path = f"{FILES}/0/{world.name('run')}/file"
    assert client.put(path, content=b"x", headers=headers).status_code == 200
    assert client.get(path, headers=headers).content == b"x"
    assert client.delete(path, headers=headers).status_code == 200
    assert client.get("/api/v1/models", headers=headers).json()["items"] == []


def test_who_is_limited_to_some_models_sees_no_files_of_runs(
    client: httpx.Client, world: World
) -> None:
    path = f"0/{world.name('run')}/file"
    client.put(f"{FILES}/{path}", content=b"x", headers=world.headers("root"))
    for who in ("narrow", "outsider"):
        headers = world.headers(who)
        for answer in (
            client.get(f"{FILES}/{path}", headers=headers),
            client.get(FILES, params={"path": ""}, headers=headers),
            client.put(f"{FILES}/{path}", content=b"y", headers=headers),
            client.delete(f"{FILES}/{path}", headers=headers),
        ):
            assert answer.status_code == 403
            assert answer.json()["error_code"] == "PERMISSION_DENIED"
    assert client.get(f"{FILES}/{path}", headers=world.headers("viewer")).content == b"x"


def test_a_version_of_a_hidden_model_is_no_source(client: httpx.Client, world: World) -> None:
    mine, hidden, missing = (world.name(prefix) for prefix in ("fraud", "credit", "credit"))
    world.version(mine)
    world.version(hidden)
    asked = partial(client.post, f"{MLFLOW}/model-versions/create", headers=world.headers("narrow"))
    answers = [
        asked(json={"name": mine, "source": f"models:/{model}/1"}) for model in (hidden, missing)
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    told = [
        answer.text.replace(model, "…")
        for answer, model in zip(answers, (hidden, missing), strict=True)
    ]
    assert told[0] == told[1]


def test_nothing_is_ingested_for_who_may_not_add_versions(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "mlruns" / "model"
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"weights that nobody has pushed")
    settings = Settings(mlflow_tracking="off", mlflow_ingest=(f"file://{folder.parent}",))
    mine, hidden = world.name("fraud"), world.name("credit")
    world.version(mine)
    world.version(hidden)
    before = world.owner.housekeeping.totals()
    with serving(create_app(settings, world.ports)) as client:
        create = partial(client.post, f"{MLFLOW}/model-versions/create")
        for who, model, status in (
            ("viewer", mine, 403),
            ("outsider", mine, 404),
            ("narrow", hidden, 404),
            ("narrow", world.name("fraud"), 404),
        ):
            asked = {"name": model, "source": str(folder)}
            answer = create(json=asked, headers=world.headers(who))
            assert answer.status_code in (status, 403)
        assert world.owner.housekeeping.totals() == before
        asked = {"name": mine, "source": str(folder)}
        assert create(json=asked, headers=world.headers("narrow")).status_code == 200
        assert world.owner.artifacts.manifest(mine, 2).files[0].path == "weights"
