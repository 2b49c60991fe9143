"""What a client of MLflow sends and gets, as plain HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx

Json = dict[str, Any]
API = "/api/2.0/mlflow"


@dataclass
class Registry:
    """MLflow's protocol at one server; `headers` go with every call."""

    client: httpx.Client
    headers: dict[str, str]

    def ask(self, method: str, path: str, **fields: Any) -> httpx.Response:
        """Send a call: fields in the query string of a GET, else in a JSON body."""
        if method == "GET":
            return self.client.get(f"{API}/{path}", params=fields, headers=self.headers)
        return self.client.request(method, f"{API}/{path}", json=fields, headers=self.headers)

    def do(self, method: str, path: str, **fields: Any) -> Json:
        """Send a call that goes well; return its answer."""
        answer = self.ask(method, path, **fields)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        document: Json = json.loads(answer.content)
        return document

    def refused(self, method: str, path: str, **fields: Any) -> tuple[int, str]:
        """Send a call that is refused; return status and error code."""
        return refusal(self.ask(method, path, **fields))

    def model(self, name: str, **fields: Any) -> Json:
        document: Json = self.do("POST", "registered-models/create", name=name, **fields)[
            "registered_model"
        ]
        return document

    def version(self, name: str, source: str = "s3://bucket/model", **fields: Any) -> Json:
        document: Json = self.do(
            "POST", "model-versions/create", name=name, source=source, **fields
        )["model_version"]
        return document

    def get_model(self, name: str) -> Json:
        document: Json = self.do("GET", "registered-models/get", name=name)["registered_model"]
        return document

    def get_version(self, name: str, version: str) -> Json:
        document: Json = self.do("GET", "model-versions/get", name=name, version=version)[
            "model_version"
        ]
        return document

    def models(self, filter: str = "", **fields: Any) -> list[str]:
        found = self.do("GET", "registered-models/search", filter=filter, **fields)
        return [model["name"] for model in found.get("registered_models", [])]

    def versions(self, filter: str = "", **fields: Any) -> list[str]:
        found = self.do("GET", "model-versions/search", filter=filter, **fields)
        return [f"{v['name']}/{v['version']}" for v in found.get("model_versions", [])]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return status and error code of an answer that tells of an error in MLflow's words."""
    document = answer.json()
    assert document.keys() - {"sqlstate", "error_class"} == {"error_code", "message"}
    assert document["message"]
    return answer.status_code, document["error_code"]


INVALID = (400, "INVALID_PARAMETER_VALUE")
MISSING = (404, "RESOURCE_DOES_NOT_EXIST")
TAKEN = (400, "RESOURCE_ALREADY_EXISTS")
