"""Who calls: the same credentials for MLflow's requests and for ours."""

from __future__ import annotations

import pytest

from tests.ml.conftest import Led

HOST = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("REGISTRY", "TOKEN", "USERNAME", "PASSWORD", "WORKSPACE"):
        monkeypatch.delenv(f"MUNIMENT_{variable}", raising=False)
    for variable in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{variable}", raising=False)


def sent() -> tuple[str | None, str | None, str | None]:
    from muniment.ml.signing_in import host_credentials

    found = host_credentials(HOST)
    assert found.host == HOST
    return found.token, found.username, found.password


def test_our_own_variables_count_before_those_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sent() == (None, None, None)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "theirs")
    assert sent() == (None, "ada", "theirs")
    monkeypatch.setenv("MUNIMENT_TOKEN", "ours")
    assert sent() == ("ours", None, None)


def test_a_password_keeps_its_colons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_USERNAME", "ada")
    monkeypatch.setenv("MUNIMENT_PASSWORD", "a:b:c")
    assert sent() == (None, "ada", "a:b:c")


def test_a_token_for_another_server_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_REGISTRY", "https://elsewhere.example")
    monkeypatch.setenv("MUNIMENT_TOKEN", "ours")
    assert sent() == (None, None, None)


def test_every_call_goes_to_the_workspace_of_the_environment(
    led: Led, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_WORKSPACE", "elsewhere")
    for call in (led.client.get_registered_model, led.client.create_registered_model):
        with pytest.raises(led.mlflow.MlflowException, match="no workspace 'elsewhere'"):
            call("fraud")
    with pytest.raises(led.mlflow.MlflowException, match="no workspace 'elsewhere'"):
        led.client.get_model_version_download_uri("fraud", "1")
