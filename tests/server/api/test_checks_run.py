"""Checks that the server runs: over HTTP, by a real server in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

import muniment
from muniment.errors import InvalidInput, PreconditionFailed
from tests.faults.serving import ServerProcess
from tests.scanning.hostile import SYSTEM


def test_a_pushed_version_is_checked_by_the_server_and_its_policy_heeds_that(
    tmp_path: Path,
) -> None:
    (tmp_path / "model.pkl").write_bytes(SYSTEM)
    quick = {"MUNIMENT_CHECKS_EVERY": "0.2"}
    with (
        ServerProcess(tmp_path / "home", variables=quick) as server,
        muniment.connect(server.url) as registry,
    ):
        registry.configure_checks("serialization")
        version = registry.push("fraud", tmp_path / "model.pkl")
        (result,) = registry.run_checks(version)
        assert (result.name, result.verdict, result.created_by) == (
            "serialization",
            "fail",
            "muniment",
        )
        assert result.digest == version.digest
        assert registry.waiting_checks(version) == []
        assert registry.checks(version) == [result]


def test_the_configuration_is_changed_over_http(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, muniment.connect(server.url) as registry:
        assert registry.check_configuration().checks == (
            "integrity",
            "formats",
            "serialization",
            "archives",
        )
        assert "picklescan" in registry.available_checks()
        settled = registry.configure_checks("card", seconds=9, memory=1 << 30)
        assert registry.check_configuration() == settled
        assert (settled.checks, settled.seconds, settled.revision) == (("card",), 9, 1)
        with pytest.raises(InvalidInput, match="no check 'bias'"):
            registry.configure_checks("bias")
        with pytest.raises(PreconditionFailed):
            registry.backend.checks.configure(settled, if_match=0)
