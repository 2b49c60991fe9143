"""The stock client of Databricks: requests and their approval, comments, webhooks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied, ResourceConflict
from databricks.sdk.service import ml

from muniment.domain.access import Role
from tests.client import servers
from tests.server.people import house


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ml.ModelRegistryAPI]]:
    """Two people at a server of their own."""
    home = tmp_path_factory.mktemp("home") / "home"
    tokens = {}
    with house(home) as made:
        for name, role in {"ada": Role.CONTRIBUTOR, "root": Role.ADMIN}.items():
            made.person(name, role)
            tokens[name] = made.token(name)["Authorization"].partition(" ")[2]
    server = servers.start(home)
    try:
        yield {
            name: WorkspaceClient(host=server.url, token=token, auth_type="pat").model_registry
            for name, token in tokens.items()
        }
    finally:
        server.end()


def test_the_stock_client_of_databricks_works(clients: dict[str, ml.ModelRegistryAPI]) -> None:
    ada, root = clients["ada"], clients["root"]
    ada.create_model("fraud")
    version = ada.create_model_version("fraud", "s3://bucket/model").model_version
    assert version is not None
    assert version.version == "1"

    asked = ada.create_transition_request("fraud", "1", "Production", comment="better").request
    assert asked is not None
    assert asked.available_actions == [ml.ActivityAction.CANCEL_TRANSITION_REQUEST]
    (listed,) = root.list_transition_requests("fraud", "1")
    assert (listed.user_id, listed.activity_type) == ("ada", ml.ActivityType.REQUESTED_TRANSITION)
    with pytest.raises(ResourceConflict):
        ada.create_transition_request("fraud", "1", "Production")
    with pytest.raises(PermissionDenied):
        ada.approve_transition_request("fraud", "1", "Production", False)
    done = root.approve_transition_request("fraud", "1", "Production", False, comment="so it is")
    assert done.activity is not None
    assert done.activity.activity_type is ml.ActivityType.APPROVED_REQUEST

    ada.create_transition_request("fraud", "1", "Staging")
    rejected = root.reject_transition_request("fraud", "1", "Staging").activity
    assert rejected is not None
    assert rejected.activity_type is ml.ActivityType.REJECTED_REQUEST
    ada.create_transition_request("fraud", "1", "Staging")
    taken_back = ada.delete_transition_request("fraud", "1", "Staging", "ada").activity
    assert taken_back is not None
    assert taken_back.activity_type is ml.ActivityType.CANCELLED_REQUEST
    with pytest.raises(NotFound):
        root.approve_transition_request("fraud", "1", "Staging", False)

    moved = root.transition_stage("fraud", "1", "Archived", False, comment="old")
    assert moved.model_version_databricks is not None
    assert moved.model_version_databricks.current_stage == "Archived"
    model = ada.get_model("fraud").registered_model_databricks
    assert model is not None
    assert (model.user_id, model.permission_level) == ("ada", ml.PermissionLevel.CAN_EDIT)

    said = ada.create_comment("fraud", "1", "fine").comment
    assert said is not None
    assert said.id is not None
    edited = ada.update_comment(said.id, "very fine").comment
    assert edited is not None
    assert edited.comment == "very fine"
    ada.delete_comment(said.id)

    production = ml.RegistryWebhookEvent.MODEL_VERSION_TRANSITIONED_TO_PRODUCTION
    hook = root.create_webhook(
        [production],
        http_url_spec=ml.HttpUrlSpec(url="https://no-such-host.invalid/"),
        model_name="fraud",
        status=ml.RegistryWebhookStatus.TEST_MODE,
    ).webhook
    assert hook is not None
    assert hook.id is not None
    (found,) = root.list_webhooks(events=[production], model_name="fraud")
    assert (found.id, found.status) == (hook.id, ml.RegistryWebhookStatus.DISABLED)
    tried = root.test_registry_webhook(hook.id)
    assert tried.status_code is None
    assert tried.body
    root.update_webhook(hook.id, description="x")
    root.delete_webhook(hook.id)
    assert list(root.list_webhooks()) == []
    ada.delete_model_version("fraud", "1")
