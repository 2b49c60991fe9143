"""A registry in which there is one of everything, and what to compare registries by."""

from __future__ import annotations

from datetime import timedelta

from muniment.domain.access import Grant, Role
from muniment.domain.accounts import Token, User, UserKind
from muniment.domain.activities import ActivityKind, Entry
from muniment.domain.caller import Caller
from muniment.domain.changes import ModelChanges, NewVersion, VersionChanges
from muniment.domain.checks import Verdict
from muniment.domain.deployments import Use, UseKind
from muniment.domain.entities import Signature, Variable, VariableType
from muniment.domain.events import Event
from muniment.domain.lineage import Node, NodeKind
from muniment.domain.stages import Policy, Stage
from muniment.domain.values import utcnow
from muniment.domain.webhooks import Webhook
from muniment.services import Ports, Services
from muniment.services.moving import RegistrySource
from muniment.storage.factory import Stores
from muniment.storage.metadata import ModelId

from ..conftest import Clock, House
from ..people import somebody


def house_in(stores: Stores, *, workspace: str = "default") -> House:
    """Return services over stores."""
    clock = Clock()
    ports = Ports(
        stores.metadata,
        stores.blobs,
        accounts=stores.accounts,
        webhooks=stores.webhooks,
        leases=stores.leases,
        clock=clock,
    )
    stores.metadata.ensure_workspace(workspace, clock())
    house = House(ports, clock)
    if workspace != "default":
        house._caller = Caller(actor="ada", workspace=workspace)
    return house


def fill(stores: Stores) -> None:
    """Put one of everything into an empty registry."""
    house = house_in(stores)
    fill_models(house)
    fill_others(house)
    fill_accounts(stores)


def fill_models(house: House) -> None:
    """Two models that live, with all that a model has; and two that are deleted."""
    catalog, lifecycle = house.catalog, house.lifecycle
    catalog.create_model("fraud", ModelChanges(description="d é 🙂", tags={"team": "risk", "n": 1}))
    signature = Signature((Variable("x", VariableType.NUMERIC, "float64", (-1, 2)),))
    for n in range(1, 6):
        new = NewVersion(
            files=house.files(model=b"model %d" % n, common=b"the same in all"),
            label=f"{n}.0",
            description=f"number {n}",
            tags={"n": n, "half": 0.5, "whole": 1.0, "yes": True, "text": "Ünï"},
            params={"depth": n, "big": 2**60},
            metrics={"auc": 0.1 * n, "loss": 5e-324},
            framework="sklearn",
            signature=signature,
            run_id=f"run{n}",
            run_link="https://runs/1",
        )
        catalog.create_version("fraud", new, idempotency_key=f"key-{n}")
    catalog.create_version("fraud", NewVersion(pending=True))
    catalog.create_version("fraud", NewVersion(pending=True))
    catalog.fail_version("fraud", 7, "no memory")
    catalog.create_version("fraud", NewVersion(source_uri="s3://elsewhere/x", location="s3://y"))
    catalog.set_alias("fraud", "champion", 2)
    catalog.set_alias("fraud", "champion", 3)
    catalog.set_alias("fraud", "challenger", 4, protected=True)
    catalog.update_version("fraud", 4, VersionChanges(tags={"n": None, "more": "m"}))
    production = Stage("Production", 200, policies=(Policy(approvals=1),))
    lifecycle.define_stage(production)
    lifecycle.define_stage(production)
    lifecycle.define_stage(Stage("Canary", 150, colour="#123456", description="few"))
    lifecycle.move_to_stage("fraud", 1, "Staging")
    asked = lifecycle.request_transition("fraud", 3, "Production", comment="it is time")
    house.comments.add("fraud", "Why now, @grace?", version=3, request=asked.id)
    somebody(house, "grace", Role.APPROVER).lifecycle.approve(asked.id, comment="yes")
    lifecycle.request_transition("fraud", 4, "Production")
    house.comments.add("fraud", "of the model")
    house.checks.report("fraud", 3, "bias", Verdict.PASS, findings=("fine",))
    house.lineage.link("fraud", 3, Node(NodeKind.DATASET, "1f8a", name="loans"))
    house.lineage.link("fraud", 4, Node(NodeKind.VERSION, "fraud/3"), "fine_tuned_from")
    house.deployments.declare("fraud", "prod", "scoring", alias="champion")
    catalog.delete_version("fraud", 2, force=True)
    catalog.delete_version("fraud", 5, force=True)
    purge(house, "fraud", 5)
    catalog.create_version("credit", NewVersion(files=house.files(m=b"c")), create_model=True)
    catalog.rename_model("credit", "credit risk")
    for content in (b"first", b"second"):
        files = house.files(m=content)
        catalog.create_version("gone", NewVersion(files=files), create_model=True)
        catalog.delete_model("gone")
    use(house, "fraud", 3)


def purge(house: House, name: str, number: int) -> None:
    """Do to a deleted version what garbage collection does when its time is over."""
    model = house.catalog.model(name)
    entry = Entry(ActivityKind.VERSION_PURGED, "gc", model.updated_at, version=number)

    def decide(tx: object) -> None:
        tx.purge_version(number)  # type: ignore[attr-defined]
        tx.record(entry)  # type: ignore[attr-defined]

    house.ports.metadata.transact(ModelId(model.workspace, model.id), decide)


def use(house: House, name: str, number: int) -> None:
    """Let two jobs use a version."""
    model, now = house.catalog.model(name), house.clock()
    for consumer in ("scoring", "é"):
        house.ports.metadata.add_uses(
            [Use(name, number, consumer, True, UseKind.DOWNLOAD, now, now, 3, model_id=model.id)]
        )


def fill_others(house: House) -> None:
    """Another workspace, and files of runs."""
    other = house_in(
        Stores(
            house.ports.metadata,
            house.ports.accounts,  # type: ignore[arg-type]
            house.ports.blobs,
            house.ports.webhooks,  # type: ignore[arg-type]
            house.ports.leases,  # type: ignore[arg-type]
        ),
        workspace="team-a",
    )
    other.catalog.create_version("fraud", NewVersion(files=other.files(m=b"a")), create_model=True)
    for path, content in (("0/run/model.pkl", b"logged"), ("0/run/notes.md", b"model 1")):
        with Services(house.ports, Caller(actor="ada")).files.receive(path) as intake:
            intake.write(content)
            intake.finish()


def fill_accounts(stores: Stores) -> None:
    """People, what they may, what programs sign in with, webhooks, and an audit log."""
    accounts, now = stores.accounts, utcnow()
    people = [
        User(0, "ada", UserKind.PERSON, now, display_name="Ada", password="$argon2id$x"),
        User(0, "ci", UserKind.SERVICE, now, groups=("a", "b"), revision=4, active=False),
    ]
    for user in people:
        accounts.add_user(user)
    accounts.add_grant("default", "user:ada", Grant.of_role(Role.ADMIN), now, "ada")
    accounts.add_grant("*", "group:a", Grant.of_role(Role.VIEWER), now, "ada")
    scopes = (Grant.of_role(Role.CONTRIBUTOR),)
    for n, extra in enumerate(({}, {"revoked_at": now}, {"last_used_at": now, "scopes": scopes})):
        later = now + timedelta(seconds=n)
        accounts.add_token(Token(f"t{n}", "ci", "d", "5" * 64, later, **extra))  # type: ignore[arg-type]
    for n, name in enumerate(("first", "second")):
        webhook = Webhook(
            id=0,
            uuid=f"{n}" * 32,
            workspace="default",
            name=name,
            url="https://1.1.1.1/hook",
            events=(Event("registered_model", "created"),),
            created_at=now,
            updated_at=now,
            secret="hush",
        )
        stores.webhooks.add_webhook(webhook)
    for n in range(6):
        at = now + timedelta(seconds=n)
        accounts.record_audit([Entry(ActivityKind.SIGNED_IN, "ada", at, details={"n": 2**70 + n})])
    assert accounts.prune_audit(now + timedelta(seconds=2)) == 2


def told(stores: Stores, *, accounts: bool = True) -> dict[str, list[object]]:
    """Return all that a registry says of itself, sheet by sheet."""
    found: dict[str, list[object]] = {}
    for sheet in RegistrySource(stores, accounts=accounts).sheets():
        with sheet:
            found[sheet.name] = [*sheet]
    return found


def check(stores: Stores) -> None:
    """Fail unless every byte and every history of a registry verifies."""
    for workspace in stores.metadata.workspaces():
        caller = Caller(actor="ada", workspace=workspace.name)
        catalog = Services(Ports(stores.metadata, stores.blobs), caller).catalog
        for model in catalog.search_models().items:
            catalog.verify_history(model.name)
    for sheet in (source := RegistrySource(stores)).sheets():
        from muniment.services.moving.moving import _verified
        from muniment.services.moving.reading import blobs_needed

        with sheet:
            for digest in blobs_needed(sheet, source):
                for _ in _verified(source.read(digest), digest):
                    pass
