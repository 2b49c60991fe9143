from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from muniment.server import log
from muniment.server.settings import Settings


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    root, access = logging.getLogger(), logging.getLogger("muniment.access")
    before = (root.handlers[:], root.level, access.level)
    yield
    root.handlers[:], level, access_level = before
    root.setLevel(level)
    access.setLevel(access_level)


def logged(capsys: pytest.CaptureFixture[str], settings: Settings) -> list[str]:
    log.configure(settings)
    fields = {"fields": {"sent": 5}}
    logging.getLogger("muniment.server").info("too little")
    logging.getLogger("muniment.server").warning("é\nforged: %s", "\x1b[31m")
    logging.getLogger("muniment.access").info("GET / 200", extra=fields)
    try:
        raise RuntimeError("the cause")
    except RuntimeError:
        logging.getLogger("muniment.server").exception("failed")
    return capsys.readouterr().err.splitlines()


def test_text_has_a_line_each_whatever_is_quoted_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    first, second, *trace = logged(capsys, Settings())
    assert first.endswith(r"Z warning muniment.server: é\nforged: \x1b[31m")
    assert second.endswith("Z error muniment.server: failed")
    assert trace[-1] == "RuntimeError: the cause"


def test_json_has_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(log_format="json", log_level="info", access_log=True)
    little, warning, access, failed = map(json.loads, logged(capsys, settings))
    assert little["level"] == "info"
    assert warning["message"] == "é\nforged: \x1b[31m"
    assert access["logger"] == "muniment.access"
    assert access["sent"] == 5
    assert "RuntimeError: the cause" in failed["trace"]


def test_the_access_log_can_be_on_while_the_rest_is_quiet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = logged(capsys, Settings(log_level="error", access_log=True))
    assert lines[0].endswith("info muniment.access: GET / 200 sent=5")


def test_the_log_goes_to_stderr_and_not_to_the_line_on_stdout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure(Settings())
    logging.getLogger().error("here")
    print("there", file=sys.stdout)
    assert capsys.readouterr().out == "there\n"
