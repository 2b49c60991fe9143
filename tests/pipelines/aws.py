"""AWS for tests: moto, over HTTP, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer


@dataclass(frozen=True)
class Aws:
    """An endpoint that speaks for all services and regions."""

    url: str
    clients: list[Any] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }

    def client(self, service: str, region: str = "us-east-1") -> Any:
        client = boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"max_attempts": 1}),
        )
        self.clients.append(client)
        return client

    def packages(self, group: str, region: str) -> list[dict[str, Any]]:
        """The model packages of a group, as they are described."""
        client = self.client("sagemaker", region)
        listed = client.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
        return [
            client.describe_model_package(ModelPackageName=one["ModelPackageArn"]) for one in listed
        ]


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    started = Aws(f"http://{host}:{port}")
    yield started
    for client in started.clients:
        client.close()
    server.stop()
