"""AWS and a Muniment server for the runner's tests."""

from tests.pipelines.aws import aws
from tests.pipelines.scripts.conftest import server

__all__ = ["aws", "server"]
