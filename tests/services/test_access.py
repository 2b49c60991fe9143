"""Who may do what, from the decision to the services; signing in, tokens, and the audit log."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.access import (
    GLOBAL,
    OWNER,
    VERBS_OF,
    Asked,
    Grant,
    Narrowing,
    Principal,
    Role,
    Verb,
)
from muniment.domain.activities import ActivityKind
from muniment.domain.caller import Caller
from muniment.domain.changes import ModelChanges, NewVersion
from muniment.domain.deployments import DeploymentStatus
from muniment.domain.lineage import Node, NodeKind
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.stages import Stage
from muniment.errors import (
    AlreadyExists,
    Conflict,
    Corrupt,
    InvalidInput,
    MissingBlobs,
    MunimentError,
    NotFound,
    PermissionDenied,
    RateLimited,
    Unauthenticated,
)
from muniment.services import Access, Auditor, Ports, Services
from muniment.services.access.access import Identity, SignedIn
from muniment.storage.factory import open_folder

from .conftest import Clock

HERE = "192.0.2.7"
ROLES = tuple(Role)
OF_THE_WHOLE = GLOBAL | {
    Verb.GRANT,
    Verb.STAGES,
    Verb.WEBHOOKS,
    Verb.READ_RUNS,
    Verb.WRITE_RUNS,
}
"""Verbs that a grant for some models does not give."""


@dataclass
class Keep:
    """A registry with accounts, opened; `root` administers it."""

    ports: Ports
    clock: Clock

    @property
    def access(self) -> Access:
        return Access(self.ports)

    @property
    def root(self) -> Services:
        return self.services("root", Grant.of_role(Role.ADMIN))

    def services(
        self, name: str, *grants: Grant, scopes: tuple[Grant, ...] | None = None
    ) -> Services:
        return Services(self.ports, Caller(name, principal=Principal(name, grants, scopes)))

    def signed_in(self, who: SignedIn, workspace: str = "default") -> Services:
        return Services(self.ports, self.access.caller(who, workspace))

    def person(self, name: str, *grants: Grant, workspace: str = "default") -> str:
        """Make a user with a password of their own and grants; return the password."""
        _, once = self.root.administration.create_user(name)
        assert once is not None
        password = f"the password of {name}"
        self.access.change_password(name, once, password, address=HERE)
        for grant in grants:
            self.root.administration.add_grant(workspace, f"user:{name}", grant)
        return password

    def token(self, name: str, **narrowed: object) -> str:
        return self.root.administration.create_token(user=name, **narrowed)[1]  # type: ignore[arg-type]

    def log(self) -> list[tuple[str, str]]:
        return [(entry.kind, entry.actor) for entry in self.root.administration.export_audit()]


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Keep]:
    clock = Clock()
    stores = open_folder(tmp_path / "home")
    auditor = Auditor(stores.accounts)
    ports = Ports(
        stores.metadata, stores.blobs, stores.accounts, auditor, stores.webhooks, clock=clock
    )
    ports.metadata.ensure_workspace("default", clock())
    ports.metadata.ensure_workspace("other", clock())
    yield Keep(ports, clock)
    ports.close()


def of(*verbs: Verb, **narrowing: str) -> Grant:
    return Grant(frozenset(verbs), Narrowing(**narrowing))


def store(services: Services, content: bytes) -> FileEntry:
    with services.artifacts.receive() as intake:
        intake.write(content)
        stat = intake.finish()
    return FileEntry("model.bin", stat.digest, stat.size)


def pushed(services: Services, model: str, content: bytes) -> FileEntry:
    """Store bytes and commit a version of `model` with them."""
    entry = store(services, content)
    new = NewVersion(files=Manifest.of([entry]))
    services.catalog.create_version(model, new, create_model=True)
    return entry


# -- the decision --------------------------------------------------------------------------------

MATRIX = {
    Verb.READ: "01111",
    Verb.DOWNLOAD: "01111",
    Verb.CREATE_MODEL: "00111",
    Verb.UPDATE_MODEL: "00111",
    Verb.CREATE_VERSION: "00111",
    Verb.UPDATE_VERSION: "00111",
    Verb.DELETE_VERSION: "00111",
    Verb.MOVE_ALIAS: "00111",
    Verb.RENAME_MODEL: "00011",
    Verb.DELETE_MODEL: "00011",
    Verb.PROTECT_ALIAS: "00011",
    Verb.MOVE_STAGE: "00011",
    Verb.REQUEST_STAGE: "00111",
    Verb.APPROVE_STAGE: "00011",
    Verb.COMMENT: "00111",
    Verb.LINK: "00111",
    Verb.DEPLOY: "00111",
    Verb.READ_RUNS: "11111",
    Verb.WRITE_RUNS: "10111",
    Verb.COLLECT: "00001",
    Verb.AUDIT: "00001",
    Verb.STAGES: "00001",
    Verb.WEBHOOKS: "00001",
    Verb.GRANT: "00001",
    Verb.USERS: "00001",
}
"""Tracker, viewer, contributor, approver, admin; written out: a change of a role is seen twice."""


def test_every_role_may_what_the_matrix_says_and_nothing_else() -> None:
    assert MATRIX.keys() == set(Verb)
    for verb, row in MATRIX.items():
        may = [Principal("p", (Grant.of_role(role),)).may(verb) for role in ROLES]
        assert may == [mark == "1" for mark in row], verb


def test_who_holds_nothing_may_nothing() -> None:
    nobody = Principal("p", ())
    assert not any(nobody.may(verb) for verb in Verb)
    assert not any(nobody.may_everywhere(verb) for verb in Verb)


def test_a_grant_for_some_models_gives_nothing_about_the_others_or_the_whole() -> None:
    principal = Principal("p", (Grant.of_role(Role.ADMIN, Narrowing(models="fraud-*")),))
    for verb in Verb:
        whole = verb in OF_THE_WHOLE
        assert principal.may(verb, Asked("fraud-eu")) is not whole
        assert not principal.may(verb, Asked("credit"))
        assert not principal.may(verb, Asked("Fraud-eu"))
        assert not principal.may_everywhere(verb)


@pytest.mark.parametrize(
    ("pattern", "fitting", "other"),
    [
        ("fraud-*", ["fraud-", "fraud-eu", "fraud-\n"], ["fraud", "xfraud-eu", "FRAUD-eu"]),
        ("a?c", ["abc", "a?c"], ["ac", "abbc"]),
        ("a.c", ["a.c"], ["abc"]),
        ("100%", ["100%"], ["100", "1000"]),
        ("a_c", ["a_c"], ["abc"]),
        ("[ab]", ["[ab]"], ["a"]),
        ("*", ["", "anything"], []),
    ],
)
def test_patterns_know_stars_and_question_marks_and_nothing_else(
    pattern: str, fitting: list[str], other: list[str]
) -> None:
    principal = Principal("p", (of(Verb.READ, models=pattern),))
    assert all(principal.may(Verb.READ, Asked(name)) for name in fitting)
    assert not any(principal.may(Verb.READ, Asked(name)) for name in other)


def test_a_hostile_pattern_costs_no_more_than_its_length() -> None:
    for pattern in ("*a" * 200 + "b", "*?" * 200 + "b", "*" * 500 + "b", "*ab" * 100 + "*c"):
        principal = Principal("p", (of(Verb.READ, models=pattern),))
        assert not principal.may(Verb.READ, Asked("ab" * 1_000 + "a"))


def test_an_alias_limits_moves_of_aliases_alone() -> None:
    principal = Principal("p", (Grant.of_role(Role.APPROVER, Narrowing(alias="dev-*")),))
    for verb in (Verb.MOVE_ALIAS, Verb.PROTECT_ALIAS):
        assert principal.may(verb, Asked("fraud", alias="dev-1"))
        assert not principal.may(verb, Asked("fraud", alias="champion"))
        assert not principal.may(verb, Asked("fraud"))
        assert not principal.may_everywhere(verb)
    assert principal.may(Verb.MOVE_STAGE, Asked("fraud", stage="Production"))
    assert principal.may_everywhere(Verb.READ)


def test_a_stage_limits_moves_between_stages_alone_whatever_its_case() -> None:
    principal = Principal("p", (Grant.of_role(Role.APPROVER, Narrowing(stage="Staging")),))
    assert principal.may(Verb.MOVE_STAGE, Asked("fraud", stage="staging"))
    assert not principal.may(Verb.MOVE_STAGE, Asked("fraud", stage="Production"))
    assert not principal.may_everywhere(Verb.MOVE_STAGE)
    assert principal.may(Verb.MOVE_ALIAS, Asked("fraud", alias="champion"))


def test_a_tag_limits_every_verb_to_models_that_carry_it() -> None:
    principal = Principal("p", (Grant.of_role(Role.ADMIN, Narrowing(tag="team=risk")),))
    for verb in set(Verb) - OF_THE_WHOLE:
        assert principal.may(verb, Asked("m", {"team": "risk"}))
        assert not principal.may(verb, Asked("m", {"team": "Risk"}))
        assert not principal.may(verb, Asked("m", {"other": "risk"}))
        assert not principal.may(verb, Asked("m"))
    assert not any(principal.may(verb) for verb in OF_THE_WHOLE)
    assert not Principal("p", (of(Verb.READ, tag="n=1"),)).may(Verb.READ, Asked("m", {"n": 1}))


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize(("held", "scope"), list(itertools.product(ROLES, ROLES)))
def test_a_token_may_what_both_its_user_and_its_scopes_may(
    held: Role, scope: Role, verb: Verb
) -> None:
    principal = Principal("p", (Grant.of_role(held),), scopes=(Grant.of_role(scope),))
    assert principal.may(verb) is (verb in VERBS_OF[held] & VERBS_OF[scope])
    assert principal.decide(verb).allowed is principal.may(verb)
    assert principal.may_everywhere(verb) is principal.may(verb)


def test_scopes_on_other_models_than_the_grants_leave_nothing() -> None:
    principal = Principal(
        "p", (of(Verb.READ, models="fraud-*"),), scopes=(of(Verb.READ, models="credit-*"),)
    )
    assert not any(principal.may(Verb.READ, Asked(name)) for name in ("fraud-eu", "credit-1", "x"))
    no_scopes = Principal("p", (Grant.of_role(Role.ADMIN),), scopes=())
    assert not any(no_scopes.may(verb) for verb in Verb)


def test_a_decision_names_the_grant_or_says_that_there_is_none() -> None:
    principal = Principal("ada", (Grant.of_role(Role.VIEWER, Narrowing(models="fraud-*")),))
    yes = principal.decide(Verb.READ, Asked("fraud-eu"))
    no = principal.decide(Verb.READ, Asked("credit"))
    assert (yes.allowed, yes.because) == (True, "ada holds: viewer on models fraud-*")
    assert not no.allowed
    assert "credit" in no.because


patterns = st.text(alphabet="ab*?%_.[", min_size=1, max_size=5)
tags = st.sampled_from(["", "t=a", "t=1", "u="])
narrowings = st.builds(
    Narrowing, models=patterns | st.just("*"), alias=patterns, stage=patterns, tag=tags
)
grants = st.builds(
    Grant,
    verbs=st.frozensets(st.sampled_from([Verb.READ, Verb.DOWNLOAD, Verb.MOVE_ALIAS]), min_size=1),
    narrowing=narrowings,
) | st.builds(Grant.of_role, st.sampled_from(ROLES), narrowings)
principals = st.builds(
    Principal,
    name=st.just("p"),
    grants=st.lists(grants, max_size=3).map(tuple),
    scopes=st.none() | st.lists(grants, max_size=2).map(tuple),
)


@given(grants)
def test_a_grant_is_read_back_from_json_as_it_was_written(grant: Grant) -> None:
    assert Grant.from_json(grant.to_json()) == grant


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"verbs": []},
        {"verbs": "read"},
        {"verbs": ["fly"]},
        {"role": "Viewer"},
        {"role": "owner"},
        {"role": "viewer", "verbs": ["read"]},
        {"role": "viewer", "models": ""},
        {"role": "viewer", "models": None},
        {"role": "viewer", "models": "a\\*"},
        {"role": "viewer", "alias": 1},
        {"role": "viewer", "tag": "team"},
        {"role": "viewer", "model": "fraud"},
        {"role": "viewer", "models": "x" * 501},
    ],
)
def test_a_grant_that_could_be_misread_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        Grant.from_json(value)  # type: ignore[arg-type]


# -- what is seen --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """A registry with models of many names and tags, each with a version; one is deleted."""
    stores = open_folder(tmp_path_factory.mktemp("many"))
    ports = Ports(stores.metadata, stores.blobs, stores.accounts)
    ports.metadata.ensure_workspace("default", ports.clock())
    catalog = Services(ports, Caller()).catalog
    carried: list[dict[str, str | int]] = [{}, {"t": "a"}, {"t": "A"}, {"t": 1}, {"t": "1"}]
    for n, name in enumerate(("a", "A", "b", "ab", "a%", "a_", "abc", "a.b", "[", "*", "a\\b")):
        catalog.create_model(name, ModelChanges(tags=carried[n % len(carried)] | {"u": ""}))
        catalog.create_version(name, NewVersion(source_uri="s3://x", tags={"t": "a"}))
    catalog.delete_model("b")
    yield ports
    ports.close()


@given(principals)
def test_searches_show_exactly_what_may_be_read(many: Ports, principal: Principal) -> None:
    everything = Services(many, Caller()).catalog
    catalog = Services(many, Caller("p", principal=principal)).catalog
    for deleted in (False, True):
        models = everything.search_models(deleted=deleted).items
        readable = {m.name for m in models if principal.may(Verb.READ, Asked.about(m))}
        assert {m.name for m in catalog.search_models(deleted=deleted).items} == readable
        seen = catalog.search_versions(deleted=deleted).items
        assert {v.model for v in seen} == (set() if deleted else readable)


def test_no_filter_widens_what_is_seen(many: Ports) -> None:
    principal = Principal("p", (of(Verb.READ, models="ab*"),))
    catalog = Services(many, Caller("p", principal=principal)).catalog
    for text in ("name != ''", "name = 'a' OR name = 'ab'", "NOT name = 'zz'", "name LIKE '%'"):
        assert {m.name for m in catalog.search_models(text).items} <= {"ab", "abc"}, text
    assert catalog.search_models("name = 'a' OR tags.u = ''", page_size=1).next_token
    assert [m.name for m in catalog.search_models(order_by=["name DESC"]).items] == ["abc", "ab"]


def test_pages_and_tokens_of_another_show_no_more(many: Ports) -> None:
    everything = Services(many, Caller()).catalog
    token = everything.search_models(page_size=2).next_token
    catalog = Services(
        many, Caller("p", principal=Principal("p", (of(Verb.READ, models="ab*"),)))
    ).catalog
    try:
        page = catalog.search_models(page_size=2, page_token=token)
    except InvalidInput:
        return
    assert {m.name for m in page.items} <= {"ab", "abc"}


# -- services ask --------------------------------------------------------------------------------

CALLS: dict[Verb, Callable[[Services], object]] = {
    Verb.READ: lambda s: s.catalog.model("fraud"),
    Verb.DOWNLOAD: lambda s: s.artifacts.file("fraud", 1, "model.bin"),
    Verb.CREATE_MODEL: lambda s: s.catalog.create_model("new"),
    Verb.UPDATE_MODEL: lambda s: s.catalog.update_model("fraud", ModelChanges(tags={"k": "v"})),
    Verb.CREATE_VERSION: lambda s: s.catalog.create_version("fraud", NewVersion(pending=True)),
    Verb.MOVE_ALIAS: lambda s: s.catalog.set_alias("fraud", "champion", 1),
    Verb.PROTECT_ALIAS: lambda s: s.catalog.set_alias("fraud", "champion", 1, protected=False),
    Verb.MOVE_STAGE: lambda s: s.lifecycle.move_to_stage("fraud", 1, "Staging"),
    Verb.REQUEST_STAGE: lambda s: s.lifecycle.request_transition("fraud", 1, "Archived"),
    Verb.APPROVE_STAGE: lambda s: s.lifecycle.reject(1),  # which `asked` has made
    Verb.COMMENT: lambda s: s.comments.add("fraud", "x"),
    Verb.LINK: lambda s: s.lineage.link("fraud", 1, Node(NodeKind.RUN, "r")),
    Verb.DEPLOY: lambda s: s.deployments.declare(
        "fraud", "prod", "x", version=1, status=DeploymentStatus.PENDING
    ),
    Verb.RENAME_MODEL: lambda s: s.catalog.rename_model("fraud", "fraud"),
    Verb.DELETE_VERSION: lambda s: s.catalog.delete_version("fraud", 1, force=True),
    Verb.DELETE_MODEL: lambda s: s.catalog.delete_model("fraud", force=True),
    Verb.READ_RUNS: lambda s: s.runs.check(Verb.READ_RUNS),
    Verb.WRITE_RUNS: lambda s: s.runs.check(Verb.WRITE_RUNS),
    Verb.COLLECT: lambda s: s.housekeeping.totals(),
    Verb.AUDIT: lambda s: s.administration.audit(),
    Verb.STAGES: lambda s: s.lifecycle.define_stage(Stage("Reviewed")),
    Verb.WEBHOOKS: lambda s: s.webhooks.list(),
    Verb.GRANT: lambda s: s.administration.grants(),
    Verb.USERS: lambda s: s.administration.users(),
}


ANYWHERE = {Verb.CREATE_MODEL, Verb.CREATE_VERSION}
"""Verbs that are asked for at all before a model is looked at."""


@pytest.fixture
def asked(keep: Keep) -> Keep:
    """A registry with a model, whose version is asked for in Production."""
    pushed(keep.root, "fraud", b"model")
    assert keep.root.lifecycle.request_transition("fraud", 1, "Production").id == 1
    return keep


@pytest.mark.parametrize("role", ROLES)
def test_services_let_each_role_do_what_it_may_and_refuse_the_rest(asked: Keep, role: Role) -> None:
    keep = asked
    services = keep.services("ada", Grant.of_role(role))
    for verb, call in CALLS.items():
        if verb in VERBS_OF[role]:
            call(services)
        elif role is Role.TRACKER and verb not in OF_THE_WHOLE | ANYWHERE:
            with pytest.raises(NotFound):  # it sees no model
                call(services)
        else:
            with pytest.raises(PermissionDenied) as refused:
                call(services)
            assert "no grant" in refused.value.message


@pytest.mark.parametrize("verb", [v for v in CALLS if v not in OF_THE_WHOLE])
def test_what_may_not_be_read_is_as_if_it_were_not_there(asked: Keep, verb: Verb) -> None:
    keep = asked
    narrowed = keep.services("ada", Grant.of_role(Role.ADMIN, Narrowing(models="credit-*")))
    if verb is Verb.CREATE_MODEL:
        with pytest.raises(PermissionDenied):
            CALLS[verb](narrowed)
        return
    with pytest.raises(NotFound) as hidden:
        CALLS[verb](narrowed)
    keep.root.catalog.delete_model("fraud")
    with pytest.raises(NotFound) as absent:
        CALLS[verb](narrowed)
    assert str(hidden.value) == str(absent.value)
    assert hidden.value.details == absent.value.details


def test_committing_to_a_hidden_model_is_refused_as_committing_to_an_absent_one(
    keep: Keep,
) -> None:
    pushed(keep.root, "fraud", b"model")
    narrowed = keep.services("ada", Grant.of_role(Role.CONTRIBUTOR, Narrowing(models="credit-*")))

    def refusal(model: str) -> tuple[type, str]:
        with pytest.raises(MunimentError) as refused:
            narrowed.catalog.create_version(model, NewVersion(pending=True), create_model=True)
        return type(refused.value), str(refused.value).replace(model, "…")

    assert refusal("fraud") == refusal("absent")


def test_a_taken_label_of_a_hidden_model_is_not_told(keep: Keep) -> None:
    keep.root.catalog.create_version(
        "fraud", NewVersion(pending=True, label="1.0"), create_model=True
    )
    reader = keep.services("bob", Grant.of_role(Role.VIEWER))
    with pytest.raises(AlreadyExists):
        reader.catalog.check_label_is_free("fraud", "1.0")
    hidden = keep.services("ada", Grant.of_role(Role.ADMIN, Narrowing(models="credit-*")))
    hidden.catalog.check_label_is_free("fraud", "1.0")


def test_a_uuid_is_no_way_around_the_model_that_it_belongs_to(keep: Keep) -> None:
    version = keep.root.catalog.create_version("fraud", NewVersion(pending=True), create_model=True)
    hidden = keep.services("ada", Grant.of_role(Role.ADMIN, Narrowing(models="credit-*")))
    with pytest.raises(NotFound) as refused:
        hidden.catalog.version_by_uuid(version.uuid)
    assert "fraud" not in str(refused.value)


def test_an_idempotency_key_of_another_replays_nothing_that_is_hidden(keep: Keep) -> None:
    keep.root.catalog.create_model("fraud", ModelChanges(tags={"t": "x"}), idempotency_key="k")
    blind = keep.services("ada", of(Verb.CREATE_MODEL), of(Verb.READ, models="credit-*"))
    with pytest.raises(AlreadyExists):
        blind.catalog.create_model("fraud", ModelChanges(tags={"t": "x"}), idempotency_key="k")
    with pytest.raises(AlreadyExists):
        blind.catalog.create_model("fraud", idempotency_key="k")


def test_who_deleted_model_stays_hidden_by_its_id(keep: Keep) -> None:
    made = keep.root.catalog.create_model("fraud")
    keep.root.catalog.delete_model("fraud")
    hidden = keep.services("ada", Grant.of_role(Role.ADMIN, Narrowing(models="credit-*")))

    def refusal(model_id: int) -> str:
        with pytest.raises(NotFound) as refused:
            hidden.catalog.restore_model(model_id)
        return str(refused.value).replace(str(model_id), "…")

    assert refusal(made.id) == refusal(made.id + 1000)


def test_the_same_name_in_another_workspace_is_another_matter(keep: Keep) -> None:
    keep.root.catalog.create_model("fraud")
    password = keep.person("ada", Grant.of_role(Role.ADMIN), workspace="other")
    ada = keep.access.by_password("ada", password, address=HERE)
    with pytest.raises(NotFound):
        keep.signed_in(ada, "default").catalog.model("fraud")
    keep.signed_in(ada, "other").catalog.create_model("fraud")


def test_an_alias_may_be_moved_on_some_models_only(keep: Keep) -> None:
    for model in ("fraud-eu", "credit"):
        pushed(keep.root, model, b"model")
    ada = keep.services(
        "ada",
        Grant.of_role(Role.VIEWER),
        of(Verb.MOVE_ALIAS, models="fraud-*", alias="champion"),
    )
    ada.catalog.set_alias("fraud-eu", "champion", 1)
    for model, alias in (("credit", "champion"), ("fraud-eu", "challenger")):
        with pytest.raises(PermissionDenied):
            ada.catalog.set_alias(model, alias, 1)
        with pytest.raises(PermissionDenied):
            ada.catalog.delete_alias(model, alias)


def test_a_protected_alias_needs_more_than_the_right_to_move_aliases(keep: Keep) -> None:
    pushed(keep.root, "fraud", b"one")
    pushed(keep.root, "fraud", b"two")
    keep.root.catalog.set_alias("fraud", "champion", 1, protected=True)
    ada = keep.services("ada", Grant.of_role(Role.CONTRIBUTOR))
    with pytest.raises(PermissionDenied):
        ada.catalog.set_alias("fraud", "champion", 2, expect=1)
    with pytest.raises(PermissionDenied):
        ada.catalog.delete_alias("fraud", "champion", expect=1)


def test_a_tag_that_limits_grants_is_changed_by_who_manages_grants(keep: Keep) -> None:
    keep.root.catalog.create_model("fraud", ModelChanges(tags={"team": "risk"}))
    keep.root.administration.add_grant(
        "default", "group:pricing", Grant.of_role(Role.APPROVER, Narrowing(tag="team=pricing"))
    )
    ada = keep.services("ada", Grant.of_role(Role.CONTRIBUTOR))
    ada.catalog.update_model("fraud", ModelChanges(tags={"other": "x", "team": "risk"}))
    for value in ("pricing", None):
        with pytest.raises(PermissionDenied, match="team"):
            ada.catalog.update_model("fraud", ModelChanges(tags={"team": value}))
    keep.root.catalog.update_model("fraud", ModelChanges(tags={"team": "pricing"}))


# -- possession ----------------------------------------------------------------------------------


def test_a_digest_alone_is_no_ticket_to_the_bytes(keep: Keep) -> None:
    secret = pushed(keep.root, "fraud", b"secret weights")
    manifest = keep.root.artifacts.manifest("fraud", 1)
    eve = keep.services("eve", Grant.of_role(Role.ADMIN, Narrowing(models="eve-*")))
    for digest in (secret.digest, manifest.digest):
        with pytest.raises(NotFound):
            eve.artifacts.blob(digest)
        assert eve.artifacts.missing([digest]) == {digest}
    new = NewVersion(files=Manifest.of([secret]))
    with pytest.raises(MissingBlobs):
        eve.catalog.create_version("eve-1", new, create_model=True)
    eve.catalog.create_version("eve-1", NewVersion(pending=True), create_model=True)
    with pytest.raises(MissingBlobs):
        eve.catalog.seal_version("eve-1", 1, Manifest.of([secret]))


def test_who_has_the_bytes_may_name_them(keep: Keep) -> None:
    secret = pushed(keep.root, "fraud", b"secret weights")
    eve = keep.services("eve", Grant.of_role(Role.ADMIN, Narrowing(models="eve-*")))
    assert pushed(eve, "eve-1", b"secret weights") == secret
    assert eve.artifacts.blob(secret.digest).size == secret.size
    reader = keep.services("bob", Grant.of_role(Role.VIEWER))
    assert reader.artifacts.blob(secret.digest).size == secret.size


def test_seeing_a_model_without_its_bytes_gives_no_blob(keep: Keep) -> None:
    secret = pushed(keep.root, "fraud", b"secret weights")
    looker = keep.services(
        "bob", of(Verb.READ), Grant.of_role(Role.CONTRIBUTOR, Narrowing(models="bob-*"))
    )
    looker.artifacts.manifest("fraud", 1)
    with pytest.raises(PermissionDenied):
        looker.artifacts.file("fraud", 1, "model.bin")
    with pytest.raises(NotFound):
        looker.artifacts.blob(secret.digest)


def test_an_upload_given_up_tells_nothing_of_bytes_that_others_hold(keep: Keep) -> None:
    secret = pushed(keep.root, "fraud", b"secret weights")
    eve = keep.services("eve", Grant.of_role(Role.CONTRIBUTOR, Narrowing(models="eve-*")))
    upload = eve.artifacts.begin_upload(digest=secret.digest)
    assert upload is not None
    keep.ports.blobs.resume_writer(upload.id).cancel()
    for look in (
        lambda: eve.artifacts.upload(upload.id),
        lambda: eve.artifacts.finish_upload(upload.id),
        lambda: eve.artifacts.finish_upload(upload.id, secret.digest),
    ):
        with pytest.raises(NotFound):
            look()
    with pytest.raises(NotFound):
        eve.artifacts.blob(secret.digest)


def test_an_upload_is_its_callers_alone_and_needs_the_right_to_upload(keep: Keep) -> None:
    ada = keep.services("ada", Grant.of_role(Role.CONTRIBUTOR))
    upload = ada.artifacts.begin_upload(size=3)
    assert upload is not None
    eve = keep.services("eve", Grant.of_role(Role.ADMIN))
    narrowed = keep.services(
        "ada", Grant.of_role(Role.CONTRIBUTOR), scopes=(Grant.of_role(Role.VIEWER),)
    )
    calls: list[Callable[[Services], object]] = [
        lambda s: s.artifacts.upload(upload.id),
        lambda s: s.artifacts.resume_upload(upload.id, 0),
        lambda s: s.artifacts.finish_upload(upload.id),
        lambda s: s.artifacts.cancel_upload(upload.id),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call(eve)
        with pytest.raises(PermissionDenied):
            call(narrowed)
    ada.artifacts.cancel_upload(upload.id)


# -- signing in ----------------------------------------------------------------------------------


def test_a_one_time_password_allows_nothing_but_choosing_another(keep: Keep) -> None:
    user, once = keep.root.administration.create_user("ada", role=Role.ADMIN)
    assert once is not None
    assert user.must_change
    assert once not in str(user.to_json())
    signed_in = keep.access.by_password("ada", once, address=HERE)
    with pytest.raises(PermissionDenied):
        keep.signed_in(signed_in)
    for weak in ("short", "ada" * 400, "aaaaaaaaaaaaaaa", once):
        with pytest.raises(InvalidInput):
            keep.access.change_password("ada", once, weak, address=HERE)
    keep.access.change_password("ada", once, "correct horse battery", address=HERE)
    with pytest.raises(Unauthenticated):
        keep.access.by_password("ada", once, address=HERE)
    signed_in = keep.access.by_password("ada", "correct horse battery", address=HERE)
    keep.signed_in(signed_in).administration.users()


def test_nothing_tells_an_unknown_name_from_a_wrong_password(keep: Keep) -> None:
    keep.person("ada")
    keep.root.administration.create_user("robot", service=True)
    gone = keep.person("gone")
    keep.root.administration.set_active("gone", False)
    said = set()
    for name, password in (
        ("ada", "wrong password"),
        ("nobody", "wrong password"),
        ("robot", "wrong password"),
        ("robot", ""),
        ("gone", gone),
        ("ADA", "the password of ada"),
        ("ada", "mun_0000000000000000_wrong"),
    ):
        with pytest.raises(Unauthenticated) as refused:
            keep.access.by_password(name, password, address=HERE)
        said.add((str(refused.value), str(refused.value.details)))
    assert len(said) == 1


def test_sign_ins_that_fail_again_and_again_are_throttled(keep: Keep) -> None:
    password = keep.person("ada")
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            keep.access.by_password("ada", "wrong password", address=HERE)
    with pytest.raises(RateLimited) as limited:
        keep.access.by_password("ada", password, address=HERE)
    assert limited.value.details["retry_after"]
    keep.access.by_password("ada", password, address="198.51.100.1")  # ada herself, elsewhere
    keep.clock.forward(minutes=16)
    keep.access.by_password("ada", password, address=HERE)


def test_a_name_after_another_is_throttled_by_the_address(keep: Keep) -> None:
    for n in range(50):
        with pytest.raises(Unauthenticated):
            keep.access.by_token(f"mun_{n:016x}_guess", address=HERE)
    with pytest.raises(RateLimited):
        keep.access.by_token("mun_ffffffffffffffff_guess", address=HERE)
    with pytest.raises(RateLimited):
        keep.access.by_password("fresh", "wrong password", address=HERE)


def test_a_token_works_until_it_is_revoked_or_over(keep: Keep) -> None:
    keep.person("ada", Grant.of_role(Role.VIEWER))
    token, text = keep.root.administration.create_token(user="ada", lifetime=timedelta(hours=1))
    assert token.secret not in text
    assert text.rpartition("_")[2] not in str(token)
    signed_in = keep.access.by_token(text, address=HERE)
    keep.signed_in(signed_in).catalog.search_models()
    assert keep.ports.accounts is not None
    kept = keep.ports.accounts.token(token.id)
    assert kept is not None
    assert kept.last_used_at is not None
    keep.clock.forward(hours=1)
    with pytest.raises(Unauthenticated, match="expired"):
        keep.access.by_token(text, address=HERE)
    another = keep.root.administration.create_token(user="ada")
    keep.access.by_password("anybody", another[1], address=HERE)
    keep.root.administration.revoke_token(another[0].id)
    with pytest.raises(Unauthenticated, match="revoked"):
        keep.access.by_password("anybody", another[1], address=HERE)


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-1], lambda t: t + "x", str.upper, lambda t: t[4:]]
)
def test_a_token_with_a_fault_is_no_token(keep: Keep, damage: Callable[[str], str]) -> None:
    keep.person("ada")
    text = keep.token("ada")
    with pytest.raises(Unauthenticated):
        keep.access.by_token(damage(text), address=HERE)


def test_who_is_deactivated_is_out_at_once(keep: Keep) -> None:
    password = keep.person("ada", Grant.of_role(Role.ADMIN))
    text = keep.token("ada")
    signed_in = keep.access.by_password("ada", password, address=HERE)
    cookie = keep.access.open_session(signed_in, address=HERE)
    assert keep.access.by_session(cookie) is not None
    keep.root.administration.set_active("ada", False)
    assert keep.access.by_session(cookie) is None
    with pytest.raises(Unauthenticated):
        keep.access.by_token(text, address=HERE)
    with pytest.raises(Unauthenticated):
        keep.access.by_password("ada", password, address=HERE)
    keep.root.administration.set_active("ada", True)
    assert keep.access.by_session(cookie) is None  # a session that was ended stays so
    with pytest.raises(Conflict):
        keep.services("ada", Grant.of_role(Role.ADMIN)).administration.set_active("ada", False)


def test_a_session_ends_with_its_time_a_sign_out_or_a_new_password(keep: Keep) -> None:
    password = keep.person("ada")
    signed_in = keep.access.by_password("ada", password, address=HERE)
    first, second, third = (keep.access.open_session(signed_in, address=HERE) for _ in range(3))
    keep.access.close_session(first)
    assert keep.access.by_session(first) is None
    assert keep.access.by_session(second) is not None
    keep.access.change_password("ada", password, "another good password", address=HERE)
    assert keep.access.by_session(second) is None
    assert keep.access.by_session(third) is None
    late = keep.access.open_session(signed_in, address=HERE)
    keep.clock.forward(hours=12)
    assert keep.access.by_session(late) is None


def test_a_grant_that_is_dropped_is_gone_at_once(keep: Keep) -> None:
    password = keep.person("ada")
    held = keep.root.administration.add_grant("default", "user:ada", Grant.of_role(Role.VIEWER))
    ada = keep.access.by_password("ada", password, address=HERE)
    keep.signed_in(ada).housekeeping._require(Verb.READ)
    keep.root.administration.drop_grant(held.id)
    with pytest.raises(PermissionDenied):
        keep.signed_in(ada).housekeeping._require(Verb.READ)


def test_a_machine_that_an_issuer_vouches_for_is_no_user_of_the_same_name(keep: Keep) -> None:
    keep.person("ada", Grant.of_role(Role.ADMIN))
    machine = keep.access.by_identity(Identity("https://ci.example", "repo:x", "ada"))
    assert machine.name == "oidc:https://ci.example|repo:x"
    services = keep.signed_in(machine)
    with pytest.raises(PermissionDenied):
        services.catalog.create_model("fraud")
    with pytest.raises(NotFound):
        services.administration.create_token()
    assert not services.administration.tokens()
    keep.root.administration.add_grant("default", machine.name, Grant.of_role(Role.CONTRIBUTOR))
    keep.signed_in(machine).catalog.create_model("fraud")


# -- administration ------------------------------------------------------------------------------


def test_an_admin_of_a_workspace_administers_nothing_else(keep: Keep) -> None:
    password = keep.person("ada", Grant.of_role(Role.ADMIN))
    keep.person("bob")
    ada = keep.signed_in(keep.access.by_password("ada", password, address=HERE))
    calls: list[Callable[[], object]] = [
        lambda: ada.housekeeping.collect_garbage(dry_run=True),
        lambda: ada.housekeeping.totals(),
        lambda: ada.administration.users(),
        lambda: ada.administration.user("bob"),
        lambda: ada.administration.create_user("eve"),
        lambda: ada.administration.reset_password("bob"),
        lambda: ada.administration.set_active("bob", False),
        lambda: ada.administration.create_token(user="bob"),
        lambda: ada.administration.create_token(user="nobody"),
        lambda: ada.administration.tokens("bob"),
        lambda: ada.administration.tokens("*"),
        lambda: ada.administration.revoke_token("0" * 16),
        lambda: ada.administration.audit(),
        lambda: ada.administration.export_audit(),
        lambda: ada.administration.verify_audit(),
        lambda: ada.administration.prune_audit(timedelta(days=30)),
        lambda: ada.administration.add_grant("*", "user:bob", Grant.of_role(Role.VIEWER)),
        lambda: ada.administration.add_grant("other", "user:ada", Grant.of_role(Role.VIEWER)),
    ]
    for call in calls:
        with pytest.raises(PermissionDenied):
            call()
    assert ada.administration.user("ada").name == "ada"


def test_an_admin_of_a_workspace_gives_nothing_about_the_whole_registry(keep: Keep) -> None:
    password = keep.person("ada", Grant.of_role(Role.ADMIN))
    bobs = keep.person("bob")
    ada = keep.signed_in(keep.access.by_password("ada", password, address=HERE))
    ada.administration.add_grant("default", "user:bob", Grant.of_role(Role.ADMIN))
    ada.administration.add_grant("default", "user:bob", of(*GLOBAL))
    bob = keep.signed_in(keep.access.by_password("bob", bobs, address=HERE))
    bob.administration.grants()
    for call in (bob.housekeeping.totals, bob.administration.users, bob.administration.audit):
        with pytest.raises(PermissionDenied):
            call()


@pytest.mark.parametrize(
    ("held", "given_away"),
    [
        (of(Verb.GRANT), Grant.of_role(Role.VIEWER)),
        (of(Verb.GRANT, Verb.READ), of(Verb.READ, Verb.DOWNLOAD)),
        (of(Verb.MOVE_ALIAS, alias="dev-*"), of(Verb.MOVE_ALIAS)),
        (of(Verb.MOVE_STAGE, stage="Staging"), of(Verb.MOVE_STAGE)),
        (of(Verb.READ, models="fraud-*"), of(Verb.READ)),
        (of(Verb.READ, tag="team=risk"), of(Verb.READ)),
    ],
)
def test_nobody_gives_more_than_they_hold(keep: Keep, held: Grant, given_away: Grant) -> None:
    keep.person("bob")
    ada = keep.services("ada", of(Verb.GRANT), held)
    with pytest.raises(PermissionDenied, match="hold"):
        ada.administration.add_grant("default", "user:bob", given_away)
    narrowed = keep.services("ada", Grant.of_role(Role.ADMIN), scopes=(of(Verb.GRANT), held))
    with pytest.raises(PermissionDenied, match="hold"):
        narrowed.administration.add_grant("default", "user:bob", given_away)


def test_a_user_with_a_role_that_may_not_be_given_is_not_made_at_all(keep: Keep) -> None:
    clerk = keep.services("clerk", of(Verb.USERS))
    with pytest.raises(PermissionDenied):
        clerk.administration.create_user("bob", role=Role.ADMIN)
    with pytest.raises(NotFound):
        keep.root.administration.user("bob")


def test_grants_of_other_workspaces_are_not_told_of(keep: Keep) -> None:
    held = keep.root.administration.add_grant("other", "group:x", Grant.of_role(Role.VIEWER))
    password = keep.person("ada", Grant.of_role(Role.ADMIN))
    ada = keep.signed_in(keep.access.by_password("ada", password, address=HERE))
    assert "other" not in {grant.workspace for grant in ada.administration.grants()}

    def refusal(grant_id: int) -> str:
        with pytest.raises(NotFound) as refused:
            ada.administration.drop_grant(grant_id)
        return str(refused.value).replace(str(grant_id), "…")

    assert refusal(held.id) == refusal(held.id + 1000)
    everybodys = keep.root.administration.add_grant("*", "group:x", Grant.of_role(Role.VIEWER))
    with pytest.raises(PermissionDenied):
        ada.administration.drop_grant(everybodys.id)


def test_a_narrowed_token_makes_and_revokes_no_tokens(keep: Keep) -> None:
    keep.person("ada", Grant.of_role(Role.ADMIN))
    other, _ = keep.root.administration.create_token(user="ada")
    text = keep.token("ada", scopes=[Grant.of_role(Role.VIEWER)])
    ada = keep.signed_in(keep.access.by_token(text, address=HERE))
    with pytest.raises(PermissionDenied):
        ada.administration.create_token()
    with pytest.raises(PermissionDenied):
        ada.administration.create_token(scopes=[Grant.of_role(Role.VIEWER)])
    with pytest.raises(PermissionDenied):
        ada.administration.revoke_token(other.id)
    with pytest.raises(PermissionDenied):
        ada.catalog.create_model("fraud")


def test_explaining_agrees_with_what_happens(keep: Keep) -> None:
    password = keep.person("ada", Grant.of_role(Role.VIEWER, Narrowing(models="fraud-*")))
    explain = keep.root.administration.explain
    assert explain("ada", Verb.READ, Asked("fraud-eu")).allowed
    assert not explain("ada", Verb.READ, Asked("credit")).allowed
    assert not explain("ada", Verb.UPDATE_MODEL, Asked("fraud-eu")).allowed
    ada = keep.signed_in(keep.access.by_password("ada", password, address=HERE))
    assert ada.administration.explain("ada", Verb.READ, Asked("fraud-eu")).allowed
    for other in ("root", "nobody"):
        with pytest.raises(PermissionDenied):
            ada.administration.explain(other, Verb.READ, Asked())
    keep.root.administration.set_active("ada", False)
    assert not explain("ada", Verb.READ, Asked("fraud-eu")).allowed


# -- the audit log -------------------------------------------------------------------------------


def test_the_audit_log_tells_who_did_what(keep: Keep) -> None:
    password = keep.person("ada", Grant.of_role(Role.CONTRIBUTOR))
    with pytest.raises(Unauthenticated):
        keep.access.by_password("ada", "wrong password", address=HERE)
    signed_in = keep.access.by_password("ada", password, address=HERE)
    cookie = keep.access.open_session(signed_in, address=HERE)
    ada = keep.signed_in(signed_in)
    pushed(ada, "fraud", b"model")
    ada.artifacts.file("fraud", 1, "model.bin")
    with pytest.raises(PermissionDenied):
        ada.catalog.delete_model("fraud")
    keep.access.close_session(cookie)
    keep.token("ada")
    assert keep.log() == [
        (ActivityKind.USER_CREATED, "root"),
        (ActivityKind.PASSWORD_CHANGED, "ada"),
        (ActivityKind.GRANT_ADDED, "root"),
        (ActivityKind.SIGN_IN_FAILED, "ada"),
        (ActivityKind.SIGNED_IN, "ada"),
        (ActivityKind.SIGNED_OUT, "ada"),
        (ActivityKind.TOKEN_CREATED, "root"),
        (ActivityKind.ARTIFACT_READ, "ada"),
        (ActivityKind.REFUSED, "ada"),
    ]
    assert keep.root.administration.verify_audit() == 9


def test_no_secret_stands_in_the_audit_log_or_in_the_files(keep: Keep, tmp_path: Path) -> None:
    password = keep.person("ada")
    text = keep.token("ada")
    signed_in = keep.access.by_password("ada", password, address=HERE)
    cookie = keep.access.open_session(signed_in, address=HERE)
    once = keep.root.administration.reset_password("ada")
    with pytest.raises(Unauthenticated):
        keep.access.by_password("ada", "a wrong secret", address=HERE)
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (password, text.rpartition("_")[2], once, cookie, "a wrong secret"):
        assert secret.encode() not in files


def test_a_blob_that_is_hidden_is_not_noted_as_read(keep: Keep) -> None:
    secret = pushed(keep.root, "fraud", b"secret weights")
    eve = keep.services("eve", Grant.of_role(Role.ADMIN, Narrowing(models="eve-*")))
    with pytest.raises(NotFound):
        eve.artifacts.blob(secret.digest)
    assert (ActivityKind.ARTIFACT_READ, "eve") not in keep.log()


def test_the_audit_log_verifies_after_its_beginning_was_cut_off(keep: Keep) -> None:
    admin = keep.root.administration
    for n in range(3):
        admin.create_user(f"early-{n}", service=True)
    keep.clock.forward(days=40)
    admin.create_user("late", service=True)
    with pytest.raises(InvalidInput):
        admin.prune_audit(timedelta(hours=1))
    assert admin.prune_audit(timedelta(days=30)) == 3
    assert [kind for kind, _ in keep.log()] == [
        ActivityKind.USER_CREATED,
        ActivityKind.AUDIT_PRUNED,
    ]
    assert admin.verify_audit() == 2


def test_tampering_with_the_audit_log_shows(keep: Keep, tmp_path: Path) -> None:
    import sqlite3

    admin = keep.root.administration
    for n in range(3):
        admin.create_user(f"user-{n}", service=True)
    assert admin.verify_audit() == 3
    with sqlite3.connect(tmp_path / "home" / "muniment.db") as database:
        changed = database.execute("UPDATE audit SET actor = 'somebody' WHERE sequence = 2")
        assert changed.rowcount == 1
    database.close()
    with pytest.raises(Corrupt, match="entry 2"):
        admin.verify_audit()


def test_pages_of_the_audit_log_hang_together(keep: Keep) -> None:
    admin = keep.root.administration
    for n in range(5):
        admin.create_user(f"user-{n}", service=True)
    first = admin.audit(page_size=3)
    second = admin.audit(page_size=3, page_token=first.next_token)
    assert [e.sequence for e in (*first.items, *second.items)] == [5, 4, 3, 2, 1]
    assert second.next_token is None


def test_a_registry_without_users_belongs_to_whoever_reaches_it(keep: Keep) -> None:
    assert not keep.access.enabled
    caller = keep.access.caller(None, "default")
    assert caller.principal is OWNER
    Services(keep.ports, caller).administration.create_user("ada")
    assert keep.access.enabled
