"""Definitions, written by hand as the SDK writes them."""

from __future__ import annotations

import json
from typing import Any

ENTRY = ["python3", "/opt/ml/processing/input/code/script.py"]


def join(*parts: Any) -> dict[str, Any]:
    return {"Std:Join": {"On": "/", "Values": list(parts)}}


def get(path: str) -> dict[str, str]:
    return {"Get": path}


def output_of(step: str, name: str = "out") -> dict[str, str]:
    return get(f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri")


def processing(
    name: str,
    *,
    inputs: dict[str, Any] | None = None,
    code: Any = "s3://b/code/script.py",
    command: list[str] | None = None,
    arguments: list[str] | None = None,
    environment: dict[str, Any] | None = None,
    depends_on: list[Any] | None = None,
    seconds: float = 60,
) -> dict[str, Any]:
    """A processing step; its output `out` goes to s3://b/NAME."""
    given = {"code": code, **(inputs or {})}
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {
                "ImageUri": "image",
                "ContainerEntrypoint": command or ENTRY,
                "ContainerArguments": arguments or [],
            },
            "ProcessingInputs": [
                {
                    "InputName": key,
                    "S3Input": {
                        "S3Uri": source,
                        "LocalPath": f"/opt/ml/processing/input/{key}",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                    },
                }
                for key, source in given.items()
                if source
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "out",
                        "S3Output": {
                            "S3Uri": join("s3://b", name),
                            "LocalPath": "/opt/ml/processing/output",
                        },
                    }
                ]
            },
            "Environment": environment or {},
            "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
        },
        **({"DependsOn": depends_on} if depends_on else {}),
    }


def definition(*steps: dict[str, Any], parameters: list[dict[str, Any]] | None = None) -> str:
    return json.dumps(
        {"Version": "2020-12-01", "Parameters": parameters or [], "Steps": list(steps)}
    )
