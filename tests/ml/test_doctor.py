"""The doctor's eye for what no server here can be made to do; its rounds: tests/cli."""

from __future__ import annotations

import time
from email.utils import formatdate

import httpx
import pytest

from muniment.errors import ConfigurationError
from muniment.ml.doctor.connection import NOBODY, client_for, sign_for
from muniment.ml.doctor.servers import _clock


@pytest.mark.parametrize(
    ("skew", "said"), [(600, "ahead of"), (-600, "behind"), (0, "agree"), (30, "agree")]
)
def test_clocks_that_disagree_by_more_than_a_minute_are_warned_of(skew: float, said: str) -> None:
    now = time.time()
    answer = httpx.Response(200, headers={"Date": formatdate(now + skew, usegmt=True)})
    (finding,) = _clock(answer, now)
    assert said in finding.message
    assert bool(finding.hint) == (said != "agree")


def test_a_server_without_a_clock_is_not_blamed() -> None:
    assert not list(_clock(httpx.Response(200), time.time()))


def test_a_name_and_a_password_count_before_a_token_as_in_mlflow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t")
    assert sign_for("http://h", with_plugin=False).source == "MLFLOW_TRACKING_TOKEN"
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    assert "USERNAME" in sign_for("http://h", with_plugin=False).source


def test_certificates_are_believed_as_mlflow_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/there/is/none.pem")
    with pytest.raises(ConfigurationError, match="MLFLOW_TRACKING_SERVER_CERT_PATH"):
        client_for("https://h", NOBODY)
