"""People are told how far it is, or left alone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from muniment import ProgressEvent, Registry
from muniment.client.progress import phase


def test_a_callable_is_told_of_every_phase(
    registry: Registry, name: str, tmp_path: Path, events: list[ProgressEvent]
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for number in range(6):
        (folder / str(number)).write_bytes(os.urandom(300_000))
    watched = Registry(registry.backend, cache=registry.cache, progress=events.append)

    watched.push(name, folder)
    watched.pull(name)
    watched.verify(name)

    for expected in ("hash", "upload", "download", "verify"):
        told = [event for event in events if event.phase == expected]
        assert {event.total for event in told} == {1_800_000}
        assert [event.done for event in told] == sorted(event.done for event in told)
        assert told[-1].done == 1_800_000


def test_an_error_of_the_callable_is_not_lost(local: Registry) -> None:
    def refuse(event: ProgressEvent) -> None:
        raise RuntimeError("stop here")

    with pytest.raises(RuntimeError, match="stop here"):
        Registry(local.backend, progress=refuse).push("fraud", b"x")
    assert local.models().all() == []


def drawn_on_a_terminal(option: str) -> str:
    """Return what a phase of 100 MiB draws on a terminal as its standard error."""
    ours, theirs = pty.openpty()
    code = (
        "import time\n"
        "from muniment.client.progress import phase\n"
        f"with phase({option}, 'download', 100 * 2**20) as tell:\n"
        "    for _ in range(5): tell(20 * 2**20); time.sleep(0.1)"
    )
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    drawn = b""
    try:
        while piece := os.read(ours, 65_536):
            drawn += piece
    except OSError:
        pass  # how Linux says that the other end of a terminal was closed
    os.close(ours)
    return drawn.decode()


def test_a_terminal_shows_bars_unless_told_not_to() -> None:
    drawn = drawn_on_a_terminal("None")

    assert "download" in drawn
    assert "/100.0 MiB" in drawn
    assert drawn_on_a_terminal("False") == ""


def test_no_terminal_no_bars(capfd: pytest.CaptureFixture[str]) -> None:
    with phase(None, "download", 100 * 2**20) as tell:
        tell(100 * 2**20)

    assert capfd.readouterr() == ("", "")
