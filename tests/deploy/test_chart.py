"""The chart: what it makes is what Kubernetes takes, is guarded, and refuses to guess."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from muniment._version import __version__
from muniment.server.run import _GRACE
from tests.deploy.reading import DEPLOY, Faults, is_setting, read

CHART = DEPLOY / "helm" / "muniment"
LEAST: dict[str, Any] = {
    "image": {"repository": "registry.example.com/muniment"},
    "database": {"secret": "database"},
    "blobs": {"url": "s3://models"},
    "admin": {"secret": "first-admin"},
}
MOST: dict[str, Any] = {
    "image": {**LEAST["image"], "tag": "1.2", "pullPolicy": "Always", "pullSecrets": ["pull"]},
    "database": {"secret": "database", "key": "uri"},
    "blobs": {
        "url": "s3://models/registry",
        "endpoint": "https://minio.example.com",
        "region": "eu-central-1",
        "publicEndpoint": "https://bytes.example.com",
        "direct": False,
        "secret": "minio",
    },
    "admin": {"name": "ada", "secret": "first-admin", "key": "ada"},
    "settings": {"MUNIMENT_LOG_FORMAT": "json", "MUNIMENT_METRICS_PUBLIC": True},
    "secretSettings": {"MUNIMENT_OIDC_CLIENT_SECRET": {"secret": "oidc", "key": "client-secret"}},
    "trustedProxies": ["10.0.0.0/8", "192.168.0.7"],
    "workers": 4,
    "strategy": "Recreate",
    "autoscaling": {"enabled": True, "maxReplicas": 9},
    "disruption": {"maxUnavailable": "25%"},
    "service": {"type": "NodePort", "port": 8000, "annotations": {"a": "b"}},
    "ingress": {
        "enabled": True, "className": "nginx", "hosts": ["models.example.com"], "tlsSecret": "tls",
    },
    "networkPolicy": {
        "from": [{"namespaceSelector": {"matchLabels": {"team": "risk"}}}], "ports": [443, 5432],
    },
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/models"}},
    "podAnnotations": {"a": "b"},
    "podLabels": {"c": "d"},
    "nodeSelector": {"e": "f"},
    "tolerations": [{"key": "g", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
}  # fmt: skip
"""Every value there is, other than by default."""


def made_of(values: dict[str, Any]) -> dict[str, Any]:
    """The objects by their kind, of which there is one each."""
    objects = read("chart", CHART, given=values)
    by_kind = {each["kind"]: each for each in objects}
    assert len(by_kind) == len(objects)
    return by_kind


@pytest.fixture(scope="module")
def least() -> dict[str, Any]:
    return made_of(LEAST)


@pytest.fixture(scope="module")
def most() -> dict[str, Any]:
    return made_of(MOST)


def pod_of(objects: dict[str, Any]) -> Any:
    return objects["Deployment"]["spec"]["template"]["spec"]


def containers_of(objects: dict[str, Any]) -> list[Any]:
    pod = pod_of(objects)
    return [*pod["initContainers"], *pod["containers"]]


def environment_of(container: Any) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in container["env"]}


def test_with_least_it_makes_what_is_always_needed(least: dict[str, Any]) -> None:
    assert set(least) == {
        "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount",
    }  # fmt: skip
    assert least["Deployment"]["spec"]["replicas"] == 2


def test_with_most_it_scales_and_lets_people_in(
    most: dict[str, Any], least: dict[str, Any]
) -> None:
    assert set(most) == {*least, "HorizontalPodAutoscaler", "Ingress"}
    assert "replicas" not in most["Deployment"]["spec"]  # the autoscaler's
    scaling = most["HorizontalPodAutoscaler"]["spec"]
    assert (scaling["minReplicas"], scaling["maxReplicas"]) == (2, 9)
    assert scaling["scaleTargetRef"]["name"] == most["Deployment"]["metadata"]["name"]
    (rule,) = most["Ingress"]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"]["name"] == most["Service"]["metadata"]["name"]


def test_most_is_everything_that_can_be_said() -> None:
    def names(values: dict[str, Any]) -> set[str]:
        return set(values) | {
            f"{name}.{inner}"
            for name, value in values.items() if isinstance(value, dict) and name != "resources"
            for inner in value
        }  # fmt: skip

    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    Draft7Validator.check_schema(schema)
    assert set(values) | {"global"} == set(schema["properties"])
    defaulted = {"replicas", "resources", "resources.requests", "resources.limits",
                 "networkPolicy.enabled", "serviceAccount.create", "serviceAccount.name",
                 "autoscaling.minReplicas", "autoscaling.cpu", "ingress.annotations"}  # fmt: skip
    assert names(values) - names(MOST) <= defaulted


@pytest.mark.parametrize("values", [LEAST, MOST], ids=["least", "most"])
def test_no_container_can_do_more_than_it_must(values: dict[str, Any]) -> None:
    objects = made_of(values)
    pod = pod_of(objects)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers_of(objects):
        guard = container["securityContext"]
        assert guard["readOnlyRootFilesystem"] is True
        assert guard["allowPrivilegeEscalation"] is False
        assert guard["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"]["cpu"]


@pytest.mark.parametrize("values", [LEAST, MOST], ids=["least", "most"])
def test_what_the_containers_are_told_are_settings_and_no_secrets(values: dict[str, Any]) -> None:
    objects = made_of(values)
    (secrets,) = [each for each in pod_of(objects)["volumes"] if each["name"] == "secrets"]
    paths = {
        item["path"] for source in secrets["projected"]["sources"]
        for item in source["secret"]["items"]
    }  # fmt: skip
    for container in containers_of(objects):
        for name, value in environment_of(container).items():
            assert is_setting(name), name
            if name.endswith("_FILE"):
                folder, _, file = value.rpartition("/")
                assert file in paths
                assert folder == container["volumeMounts"][0]["mountPath"]


def test_what_is_said_arrives(most: dict[str, Any]) -> None:
    first, server = containers_of(most)
    told = environment_of(server)
    assert told == environment_of(first)
    assert told["MUNIMENT_BLOBS"] == "s3://models/registry"
    assert told["MUNIMENT_DIRECT_TRANSFER"] == "false"
    assert told["MUNIMENT_METRICS_PUBLIC"] == "true"
    assert told["MUNIMENT_TRUSTED_PROXIES"] == "10.0.0.0/8,192.168.0.7"
    assert "models.example.com" in told["MUNIMENT_ALLOWED_HOSTS"].split(",")
    assert server["image"] == "registry.example.com/muniment:1.2"
    assert server["args"] == ["serve", "--workers", "4"]
    assert first["args"][:3] == ["init", "--admin", "ada"]


def test_it_is_probed_where_it_answers_and_ends_in_order(least: dict[str, Any]) -> None:
    _, server = containers_of(least)
    probed = {
        name: server[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "liveness", "readiness")
    }
    assert probed == {"startup": "/health", "liveness": "/health", "readiness": "/ready"}
    (port,) = server["ports"]
    assert least["Service"]["spec"]["ports"][0]["targetPort"] == port["name"] == "http"
    _, seconds = server["lifecycle"]["preStop"]["exec"]["command"]
    assert pod_of(least)["terminationGracePeriodSeconds"] > int(seconds) + 2 * _GRACE
    update = least["Deployment"]["spec"]["strategy"]["rollingUpdate"]
    assert (update["maxUnavailable"], update["maxSurge"]) == (0, 1)


def test_pods_are_selected_by_what_they_bear(most: dict[str, Any]) -> None:
    labels = most["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    selectors = (
        most["Deployment"]["spec"]["selector"]["matchLabels"],
        most["Service"]["spec"]["selector"],
        most["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        most["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    )
    assert all(selector and selector.items() <= labels for selector in selectors)


def test_pods_talk_to_nobody_but_those_ports(most: dict[str, Any]) -> None:
    policy = most["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (egress,) = policy["egress"]
    assert [each["port"] for each in egress["ports"]] == [53, 53, 443, 5432]
    (ingress,) = policy["ingress"]
    assert ingress["from"] == MOST["networkPolicy"]["from"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("database", {"secret": ""}, "/database/secret"),
        ("admin", {}, "/admin/secret"),
        ("blobs", {"url": "/srv/models"}, "/blobs/url"),
        ("image", {}, "/image/repository"),
        ("settings", {"MUNIMENT_OIDC_CLIENT_SECRET": "s3cret"}, "OIDC_CLIENT_SECRET"),
        ("settings", {"MUNIMENT_DATABASE": "postgresql://u:p@db/models"}, "MUNIMENT_DATABASE"),
        ("settings", {"MUNIMENT_TLS_KEY": "/tls.key"}, "MUNIMENT_TLS_KEY"),
        ("settings", {"MUNIMENT_RATE_LIMIT": 1000000}, "/settings/MUNIMENT_RATE_LIMIT"),
        ("ingress", {"enabled": True}, "/ingress/hosts"),
        ("replica", 2, "replica"),
    ],
)
def test_what_is_missing_wrong_or_secret_is_refused(name: str, value: object, said: str) -> None:
    with pytest.raises(Faults, match=said):
        made_of({**LEAST, name: value})


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
