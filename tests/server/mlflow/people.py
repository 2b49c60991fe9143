"""Three people at MLflow's protocol: one asks, one reviews, one runs the place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from muniment.domain.access import Role
from muniment.domain.stages import Policy, Stage
from tests.server.mlflow.registry import Json, refusal
from tests.server.people import House, house

PREVIEW = "/api/2.0/preview/mlflow"


@dataclass
class Person:
    """Somebody who sends requests, under one prefix."""

    client: httpx.Client
    auth: tuple[str, str]
    prefix: str = "/api/2.0/mlflow"

    def ask(self, method: str, path: str, **fields: Any) -> httpx.Response:
        """Send a call: fields in the query string of a GET or DELETE, else in a JSON body."""
        url = f"{self.prefix}/{path}"
        if method in ("GET", "DELETE"):
            return self.client.request(method, url, params=fields, auth=self.auth)
        return self.client.request(method, url, json=fields, auth=self.auth)

    def do(self, method: str, path: str, **fields: Any) -> Json:
        """Send a call that goes well; return its answer."""
        answer = self.ask(method, path, **fields)
        assert answer.status_code == 200, answer.text
        document: Json = answer.json()
        return document

    def refused(self, method: str, path: str, **fields: Any) -> tuple[int, str]:
        """Send a call that is refused; return status and error code."""
        return refusal(self.ask(method, path, **fields))


@dataclass
class Team:
    """`ada` contributes, `grace` approves, `linus` is an admin; `fraud` has three versions."""

    house: House
    ada: Person
    grace: Person
    linus: Person

    def demand(self, stage: str = "Production", order: int = 200, **policy: Any) -> None:
        """Give a stage a policy."""
        asked = Stage(stage, order, policies=(Policy(**policy),))
        self.house.owner.lifecycle.define_stage(asked)

    def stage_of(self, version: str) -> str:
        fields = {"name": "fraud", "version": version}
        stage: str = self.ada.do("GET", "model-versions/get", **fields)["model_version"][
            "current_stage"
        ]
        return stage


@contextmanager
def team(home: Path, **settings: Any) -> Iterator[Team]:
    """Serve a registry to three people."""
    roles = {"ada": Role.CONTRIBUTOR, "grace": Role.APPROVER, "linus": Role.ADMIN}
    with house(home, **settings) as served:
        people = {
            name: Person(served.client, served.person(name, role)) for name, role in roles.items()
        }
        there = Team(served, **people)
        there.ada.do("POST", "registered-models/create", name="fraud")
        for _ in range(3):
            there.ada.do("POST", "model-versions/create", name="fraud", source="s3://bucket/model")
        yield there
