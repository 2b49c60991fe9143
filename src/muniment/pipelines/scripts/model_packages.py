"""Model packages: a model in SageMaker's own registry, in one region.

    group there? ── no ──> create it (somebody else was faster? fine)
         │
    a package of this registration there? ── yes ──> that one
         │ no
    create it, PendingManualApproval, with the key of the registration among its properties

The service forgets a ClientToken, so what was registered is told by a property of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from muniment.pipelines.scripts.model_version import PAYLOAD_FILE, Registration

KEY: Final = "muniment_registration"
_LONGEST: Final = 256  # characters of a property
_NOT_TAKEN: Final = re.compile(r"[^\w\s.:/=+@-]")  # in one


class NotRegistered(Exception):
    """SageMaker refused, or did not answer."""


@dataclass(frozen=True)
class Place:
    """Where the package and the payload are outside of the container: S3 URIs."""

    package: str
    payload: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str], package: str, has_payload: bool) -> Place:
        """Read it from the variables; a folder's URI is completed by the file's name."""
        payload = environment.get("PAYLOAD_S3_URI", "") if has_payload else ""
        return cls(
            _file(environment.get("PACKAGED_MODEL_S3_URI", ""), package),
            _file(payload, PAYLOAD_FILE),
        )


class ModelPackages:
    """The model packages of one region; as a context manager it lets go of its connections."""

    def __init__(self, region: str) -> None:
        self._region = region
        try:
            self._client: Any = boto3.client("sagemaker", region_name=region)
        except (BotoCoreError, ValueError) as error:
            raise NotRegistered(f"SageMaker in {region} can't be called: {error}") from error

    def __enter__(self) -> ModelPackages:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def register(
        self, registration: Registration, muniment: Mapping[str, Any], place: Place
    ) -> dict[str, str]:
        """Make the package, unless this execution has; return the ARNs of group and package.

        Raises:
            NotRegistered: the service refused, or did not answer.
        """
        group = str(registration.config["model_package_group"])
        try:
            group_arn = self._group(group, registration)
            package_arn = self._found(group, registration.key)
            if package_arn is None:
                request = _request(registration, muniment, place, self._region)
                package_arn = self._client.create_model_package(**request)["ModelPackageArn"]
        except (BotoCoreError, ClientError) as error:
            raise NotRegistered(f"SageMaker in {self._region} refused: {error}.") from error
        return {"model_package_group_arn": group_arn, "model_package_arn": str(package_arn)}

    def _group(self, name: str, registration: Registration) -> str:
        found = self._described(name)
        if found is not None:
            return found
        try:
            made = self._client.create_model_package_group(
                ModelPackageGroupName=name,
                ModelPackageGroupDescription=f"{registration.config['model_name']} in Muniment",
            )
        except ClientError:
            if raced := self._described(name):  # somebody else has made it meanwhile
                return raced
            raise
        return str(made["ModelPackageGroupArn"])

    def _described(self, name: str) -> str | None:
        try:
            answer = self._client.describe_model_package_group(ModelPackageGroupName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
                return None
            raise
        return str(answer["ModelPackageGroupArn"])

    def _found(self, group: str, key: str) -> str | None:
        pages = self._client.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
        )
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                arn = str(summary["ModelPackageArn"])
                known = self._client.describe_model_package(ModelPackageName=arn)
                if known.get("CustomerMetadataProperties", {}).get(KEY) == key:
                    return arn
        return None


def _request(
    registration: Registration, muniment: Mapping[str, Any], place: Place, region: str
) -> dict[str, Any]:
    config = registration.config
    properties = {
        KEY: registration.key,
        "muniment_version": f"{muniment['model']}/{muniment['version']}",
        "muniment_digest": str(muniment["digest"]),
        "muniment_url": str(muniment["url"]),
        "pipeline_name": registration.pipeline_name,
        "pipeline_execution_id": registration.execution_id,
        "model_owner": str(config.get("model_owner", "")),
        "model_registration_domain": str(config.get("model_registration_domain", "")),
        "model_registration_objective": str(config.get("model_registration_objective", "")),
    }
    container = {
        "Image": config["inference_images"][region],
        "ModelDataUrl": place.package,
        "Environment": {
            "SAGEMAKER_PROGRAM": str(config.get("inference_entry_point", "inference.py")),
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        },
    }
    instances = [config.get("inference_instance_type", "ml.m5.large")]
    return {
        "ModelPackageGroupName": config["model_package_group"],
        "ModelPackageDescription": (
            f"Muniment {muniment['model']}/{muniment['version']}, {muniment['digest']}"
        )[:1024],
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": config["source_model_inference_content_types"],
            "SupportedResponseMIMETypes": config["source_model_inference_response_types"],
            "SupportedRealtimeInferenceInstanceTypes": instances,
            "SupportedTransformInstanceTypes": instances,
        },
        "ModelApprovalStatus": "PendingManualApproval",
        "CustomerMetadataProperties": {
            name: _NOT_TAKEN.sub("_", value)[:_LONGEST]
            for name, value in properties.items()
            if value
        },
        "ClientToken": registration.key[:36],
        **({"SamplePayloadUrl": place.payload} if place.payload else {}),
    }


def _file(uri: str, name: str) -> str:
    return uri if not uri or uri.endswith(f"/{name}") else f"{uri.rstrip('/')}/{name}"
