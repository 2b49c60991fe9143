"""What a server does by itself."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from muniment.domain.access import Role
from muniment.domain.caller import Caller
from muniment.domain.values import utcnow
from muniment.server.app import create_app, open_ports
from muniment.server.settings import Settings
from muniment.services import Services
from tests.server.conftest import serving


def test_the_audit_log_is_cut_when_its_retention_is_over(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, audit_retention=timedelta(days=30))
    ports = open_ports(settings)
    administration = Services(ports, Caller()).administration
    administration.create_user("root", role=Role.ADMIN)
    later = replace(ports, clock=lambda: utcnow() + timedelta(days=31))
    Services(later, Caller()).administration.create_user("robot", service=True)
    try:
        with serving(create_app(settings, later)):
            deadline = time.monotonic() + 60
            while len(administration.audit().items) != 2:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        newest, kept = administration.audit().items
        assert (newest.kind, newest.actor) == ("audit.pruned", "muniment")
        assert kept.details["user"] == "robot"
        assert administration.verify_audit() == 2
    finally:
        ports.close()
