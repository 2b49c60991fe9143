"""Random lives of models, compared with a plain model in memory, step by step.

After every step the registry says just what the plain model says: stages, aliases, requests,
deployments; the history verifies, and who holds what now can be read off it alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from muniment.domain.access import Role
from muniment.domain.changes import NewVersion
from muniment.domain.refs import parse_ref
from muniment.domain.stages import Policy, Stage
from muniment.domain.timeline import Post
from muniment.errors import Blocked, Conflict, InUse, MunimentError, NotFound
from muniment.services import Ports
from muniment.storage.factory import open_stores
from tests.parts.places import place_at

from .conftest import Clock, House
from .people import somebody

MODEL = "m"
STAGES = ("None", "Staging", "Production", "Archived")
ALIASES = ("champion", "challenger")


@dataclass
class Plain:
    """What the registry must say: nothing but dictionaries."""

    stages: dict[int, str] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    aliases: dict[str, int] = field(default_factory=dict)
    requests: dict[int, tuple[int, str, str]] = field(default_factory=dict)  # version, to, state
    pinned: dict[str, int] = field(default_factory=dict)  # deployment -> version
    approvals: int = 0  # that Production demands

    @property
    def live(self) -> list[int]:
        return sorted(self.stages.keys() - self.deleted)

    def enter(self, number: int, to: str, *, archive: bool) -> None:
        for other in self.live:
            if archive and other != number and self.stages[other] == to:
                self.stages[other] = "Archived"
        self.stages[number] = to

    def in_use(self, number: int) -> bool:
        return number in self.pinned.values()

    def archives_in_use(self, number: int, to: str, *, archive: bool) -> bool:
        put_away = {n for n in self.live if archive and n != number and self.stages[n] == to}
        if to == "Archived" != self.stages[number]:
            put_away.add(number)
        return any(self.in_use(n) for n in put_away)


def refusal(call: Callable[[], object]) -> type[MunimentError] | None:
    """Return the error that a call ends with, or None."""
    try:
        call()
    except MunimentError as error:
        return type(error)
    return None


class Lives(RuleBasedStateMachine):
    """One model's life, over a store of its own."""

    requests = Bundle("requests")
    database = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        stores = open_stores(place_at(Path(self._folder.name), self.database))
        clock = Clock()
        ports = Ports(stores.metadata, stores.blobs, accounts=stores.accounts, clock=clock)
        ports.metadata.ensure_workspace("default", clock())
        self.house = House(ports, clock)
        self.grace = somebody(self.house, "grace", Role.ADMIN)
        self.plain = Plain()
        self.house.catalog.create_model(MODEL)

    def teardown(self) -> None:
        self.house.ports.close()
        self._folder.cleanup()

    # -- what may happen -------------------------------------------------------------------------

    @rule()
    def a_version_is_made(self) -> None:
        made = self.house.catalog.create_version(MODEL, NewVersion(source_uri="x:y"))
        assert made.version == len(self.plain.stages) + 1
        self.plain.stages[made.version] = "None"

    @precondition(lambda self: self.plain.stages)
    @rule(pick=st.integers(0), to=st.sampled_from(STAGES), archive=st.booleans())
    def a_version_is_moved(self, pick: int, to: str, archive: bool) -> None:
        number = 1 + pick % len(self.plain.stages)
        archive = archive and to not in ("None", "Archived")
        move = self.house.lifecycle.move_to_stage
        refused = refusal(lambda: move(MODEL, number, to, archive_existing=archive))
        if number in self.plain.deleted:
            assert refused is NotFound
        elif to == "Production" != self.plain.stages[number] and self.plain.approvals:
            assert refused is Blocked
        elif self.plain.archives_in_use(number, to, archive=archive):
            assert refused is InUse
        else:
            assert refused is None
            self.plain.enter(number, to, archive=archive)

    @precondition(lambda self: self.plain.stages)
    @rule(pick=st.integers(0), alias=st.sampled_from(ALIASES))
    def an_alias_is_set(self, pick: int, alias: str) -> None:
        number = 1 + pick % len(self.plain.stages)
        refused = refusal(lambda: self.house.catalog.set_alias(MODEL, alias, number))
        assert refused is (NotFound if number in self.plain.deleted else None)
        if refused is None:
            self.plain.aliases[alias] = number

    @rule(alias=st.sampled_from(ALIASES))
    def an_alias_is_deleted(self, alias: str) -> None:
        self.house.catalog.delete_alias(MODEL, alias)
        self.plain.aliases.pop(alias, None)

    @precondition(lambda self: self.plain.live)
    @rule(pick=st.integers(0), force=st.booleans())
    def a_version_is_deleted(self, pick: int, force: bool) -> None:
        number = self.plain.live[pick % len(self.plain.live)]
        delete = self.house.catalog.delete_version
        refused = refusal(lambda: delete(MODEL, number, force=force))
        if self.plain.in_use(number) and not force:
            assert refused is InUse
            return
        assert refused is None
        self.plain.deleted.add(number)
        self.plain.aliases = {a: n for a, n in self.plain.aliases.items() if n != number}

    @precondition(lambda self: self.plain.deleted)
    @rule(pick=st.integers(0))
    def a_version_is_restored(self, pick: int) -> None:
        number = sorted(self.plain.deleted)[pick % len(self.plain.deleted)]
        self.house.catalog.restore_version(MODEL, number)
        self.plain.deleted.discard(number)

    @rule(approvals=st.integers(0, 2))
    def a_policy_is_set(self, approvals: int) -> None:
        policies = (Policy(approvals=approvals),) if approvals else ()
        self.house.lifecycle.define_stage(Stage("Production", 200, policies=policies))
        self.plain.approvals = approvals

    @precondition(lambda self: self.plain.live)
    @rule(
        target=requests,
        pick=st.integers(0),
        to=st.sampled_from(STAGES),
    )
    def a_transition_is_asked_for(self, pick: int, to: str) -> object:
        number = self.plain.live[pick % len(self.plain.live)]
        asked = [(n, t) for n, t, state in self.plain.requests.values() if state == "open"]
        try:
            request = self.house.lifecycle.request_transition(MODEL, number, to)
        except Conflict:
            assert self.plain.stages[number] == to or (number, to) in asked
            return multiple()
        assert self.plain.stages[number] != to
        assert (number, to) not in asked
        self.plain.requests[request.id] = (number, to, "open")
        return request.id

    @rule(request=requests)
    def a_request_is_approved(self, request: int) -> None:
        number, to, state = self.plain.requests[request]
        already = any(a.by == "grace" for a in self.house.lifecycle.request(request).approvals)
        refused = refusal(lambda: self.grace.lifecycle.approve(request))
        if state != "open" or already:
            assert refused is Conflict
        elif number in self.plain.deleted:
            assert refused is NotFound
        elif to == "Production" and self.plain.approvals > 1:
            assert refused is None  # noted; one more is needed
        elif self.plain.archives_in_use(number, to, archive=False):
            assert refused is InUse
        else:
            assert refused is None
            self.plain.requests[request] = (number, to, "approved")
            self.plain.enter(number, to, archive=False)

    @rule(request=consumes(requests), cancel=st.booleans())
    def a_request_is_ended(self, request: int, cancel: bool) -> None:
        number, to, state = self.plain.requests[request]
        end = self.house.lifecycle.cancel if cancel else self.grace.lifecycle.reject
        refused = refusal(lambda: end(request))
        assert refused is (None if state == "open" else Conflict)
        if refused is None:
            ended = "cancelled" if cancel else "rejected"
            self.plain.requests[request] = (number, to, ended)

    @precondition(lambda self: self.plain.live)
    @rule(pick=st.integers(0), name=st.sampled_from(("scorer", "batch")))
    def a_version_is_deployed(self, pick: int, name: str) -> None:
        number = self.plain.live[pick % len(self.plain.live)]
        self.house.deployments.declare(MODEL, "prod", name, version=number)
        self.plain.pinned[name] = number

    @precondition(lambda self: self.plain.pinned)
    @rule()
    def a_deployment_is_retired(self) -> None:
        name, _ = self.plain.pinned.popitem()
        self.house.deployments.retire_live(MODEL, "prod", name)

    @rule(alias=st.sampled_from(ALIASES))
    def an_alias_is_rolled_back(self, alias: str) -> None:
        past = self.house.lifecycle.tenures(MODEL, post=Post.ALIAS, name=alias)
        refused = refusal(lambda: self.house.lifecycle.rollback(MODEL, f"@{alias}"))
        if refused is not None:
            return  # nothing before, or what was before is deleted
        held = self.house.catalog.alias(MODEL, alias).version
        assert held in {tenure.version for tenure in past}
        assert held != self.plain.aliases.get(alias)
        self.plain.aliases[alias] = held

    # -- what must hold --------------------------------------------------------------------------

    @invariant()
    def the_registry_says_what_the_plain_model_says(self) -> None:
        found = self.house.catalog.search_versions(model=MODEL, page_size=1_000).items
        assert {v.version: v.stage for v in found} == {
            n: self.plain.stages[n] for n in self.plain.live
        }
        assert dict(self.house.catalog.model(MODEL).aliases) == self.plain.aliases
        for request_id, (number, to, state) in self.plain.requests.items():
            request = self.house.lifecycle.request(request_id)
            assert (request.version, request.to_stage, request.state) == (number, to, state)
        declared = self.house.deployments.deployments(model=MODEL, page_size=1_000).items
        assert {d.name: d.version for d in declared if d.live} == self.plain.pinned

    @invariant()
    def who_holds_what_is_read_off_the_history(self) -> None:
        held = [t for t in self.house.lifecycle.tenures(MODEL) if t.until is None]
        stages = {t.version: t.name for t in held if t.post is Post.STAGE}
        expected = {n: s for n, s in self.plain.stages.items() if s != "None"}
        assert stages == {n: s for n, s in expected.items() if n not in self.plain.deleted}
        aliases = {t.name: t.version for t in held if t.post is Post.ALIAS}
        assert aliases == self.plain.aliases
        for alias, number in aliases.items():
            self.house.clock.forward(milliseconds=2)
            ref = parse_ref(f"{MODEL}@{alias}")
            assert self.house.lifecycle.as_of(ref, self.house.clock()).version == number

    @invariant()
    def the_history_verifies(self) -> None:
        self.house.catalog.verify_history(MODEL)


class LivesOnPostgres(Lives):
    """The same over PostgreSQL."""

    database = "postgresql"


class LivesOnMongo(Lives):
    """The same over MongoDB."""

    database = "mongodb"


_FEW: Final = settings(
    max_examples=15,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
_FEWER: Final = settings(_FEW, max_examples=4)
"""The machine is the same: this is about what only another database could do otherwise."""


def test_lives_over_sqlite() -> None:
    run_state_machine_as_test(Lives, settings=_FEW)


def test_lives_over_postgresql(postgres: None) -> None:
    run_state_machine_as_test(LivesOnPostgres, settings=_FEWER)


def test_lives_over_mongodb(mongodb: None) -> None:
    run_state_machine_as_test(LivesOnMongo, settings=_FEWER)
