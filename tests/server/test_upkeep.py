"""What a server does by itself."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from muniment.domain.access import Role
from muniment.domain.caller import Caller
from muniment.domain.changes import NewVersion
from muniment.domain.requests import RequestState
from muniment.domain.stages import Policy, Stage
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


def test_requests_expire_in_every_workspace_by_one_process_of_all(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    ports = open_ports(settings)
    later = replace(ports, clock=lambda: utcnow() + timedelta(days=2))
    registries = []
    for workspace in ("default", "other"):
        ports.metadata.ensure_workspace(workspace, utcnow())
        services = Services(ports, Caller(workspace=workspace))
        policies = (Policy(request_days=1),)
        services.lifecycle.define_stage(Stage("Production", 200, policies=policies))
        services.catalog.create_version("m", NewVersion(source_uri="s3://x"), create_model=True)
        services.lifecycle.request_transition("m", 1, "Production")
        registries.append(services)
    try:
        with serving(create_app(settings, later)), serving(create_app(settings, later)):
            for services in registries:
                deadline = time.monotonic() + 60
                while services.lifecycle.requests(state=RequestState.OPEN).items:
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
        for services in registries:
            (expired,) = services.lifecycle.requests().items
            assert (expired.state, expired.closed_by) == (RequestState.EXPIRED, "muniment")
            kinds = [entry.kind for entry in services.catalog.history("m").items]
            assert kinds.count("request.expired") == 1
    finally:
        ports.close()
