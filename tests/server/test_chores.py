"""What a server does by itself."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from muniment.domain.access import Role
from muniment.domain.caller import Caller
from muniment.domain.changes import NewVersion
from muniment.domain.refs import parse_ref
from muniment.domain.requests import RequestState
from muniment.domain.stages import Policy, Stage
from muniment.domain.values import sha256_hex, utcnow
from muniment.errors import Unavailable
from muniment.server.app import create_app, open_ports
from muniment.server.chores import Chore, chores, do_if_due
from muniment.server.settings import Settings
from muniment.services import Ports, Services
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


def never() -> bool:
    return False


def ports_at(tmp_path: Path, clock: Clock) -> Ports:
    return replace(open_ports(Settings(home=tmp_path)), clock=clock)


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = utcnow()

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **how_far: float) -> None:
        self.now += timedelta(**how_far)


def chore_of(done: list[str], every: timedelta = timedelta(days=1)) -> Chore:
    return Chore("sweep", every, timedelta(0), lambda: done.append("swept"))


def test_a_chore_is_done_once_a_day_by_one_process_of_all_also_after_restarts(
    tmp_path: Path,
) -> None:
    clock, done = Clock(), list[str]()
    for _ in range(2):
        ports = ports_at(tmp_path, clock)
        do_if_due(ports, chore_of(done), never)
        do_if_due(ports, chore_of(done), never)
        ports.close()
    assert done == ["swept"]
    clock.forward(hours=23)
    ports = ports_at(tmp_path, clock)
    assert not do_if_due(ports, chore_of(done), never)
    clock.forward(hours=1)
    assert do_if_due(ports, chore_of(done), never)
    assert done == ["swept", "swept"]
    ports.close()


def test_a_chore_that_fails_is_tried_again_at_once(tmp_path: Path) -> None:
    clock, done = Clock(), list[str]()
    ports = ports_at(tmp_path, clock)

    def fail() -> None:
        raise Unavailable("The broom is gone.")

    with pytest.raises(Unavailable):
        do_if_due(ports, Chore("sweep", timedelta(days=1), timedelta(0), fail), never)
    assert do_if_due(ports, chore_of(done), never)
    ports.close()


def test_a_chore_whose_process_dies_at_work_is_done_by_another_within_the_hour(
    tmp_path: Path,
) -> None:
    clock, done = Clock(), list[str]()
    ports = ports_at(tmp_path, clock)
    assert ports.leases is not None
    dead = chore_of(done)
    assert ports.leases.lease("sweep", "dead", clock(), clock() + dead.held_for)
    clock.forward(minutes=59)
    assert not do_if_due(ports, chore_of(done), never)
    clock.forward(minutes=1)
    assert do_if_due(ports, chore_of(done), never)
    ports.close()


def test_a_chore_that_was_stopped_half_way_is_left_to_another_process(tmp_path: Path) -> None:
    clock, done = Clock(), list[str]()
    ports = ports_at(tmp_path, clock)
    assert do_if_due(ports, chore_of(done), lambda: True)
    assert do_if_due(ports, chore_of(done), never)
    ports.close()


def test_garbage_is_collected_by_itself_and_old_uses_are_forgotten(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, gc_every=timedelta(milliseconds=50))
    ports = open_ports(settings)
    services = Services(ports, Caller())
    content = b"nobody needs these bytes"
    services.artifacts.put(sha256_hex(content), len(content), lambda at: iter([content[at:]]))
    later = replace(ports, clock=lambda: utcnow() + timedelta(days=2))
    try:
        with serving(create_app(settings, later)):
            deadline = time.monotonic() + 60
            while ports.metadata.totals().stored_blobs:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        (collected,) = [
            entry
            for entry in services.administration.audit().items
            if entry.kind == "garbage.collected" and entry.details["blobs"]
        ]
        assert (collected.actor, collected.details["bytes"]) == ("muniment", len(content))
    finally:
        ports.close()


def test_what_is_turned_off_is_no_chore(tmp_path: Path) -> None:
    ports = open_ports(Settings(home=tmp_path))
    off = Settings(home=tmp_path, gc_every=timedelta(0), use_retention=timedelta(0))
    off = off.model_copy(update={"checks_every": timedelta(0)})
    assert [chore.name for chore in chores(ports, off, never)] == ["requests"]
    on = Settings(
        home=tmp_path, audit_retention=timedelta(days=30), checks_every=timedelta(seconds=5)
    )
    names = [chore.name for chore in chores(ports, on, never)]
    assert names == ["requests", "checks", "audit", "garbage", "uses"]
    ports.close()


def test_uses_are_forgotten_when_their_retention_is_over(tmp_path: Path) -> None:
    ports = open_ports(Settings(home=tmp_path))
    services = Services(ports, Caller(consumer="nightly"))
    services.catalog.create_version("m", NewVersion(source_uri="s3://x"), create_model=True)
    services.catalog.resolve(parse_ref("m/1"))
    assert ports.observer is not None
    ports.observer.flush()
    for days, left in ((363, 1), (365, 0)):
        later = replace(ports, clock=lambda days=days: utcnow() + timedelta(days=days))
        told = chores(later, Settings(home=tmp_path), never)
        (forget,) = [chore for chore in told if chore.name == "uses"]
        forget.work()
        assert len(ports.metadata.uses("default", limit=9)) == left
    ports.close()
