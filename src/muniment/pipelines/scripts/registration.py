"""Registration: the packaged model becomes a version in Muniment, and a package in SageMaker.

    input/model                 one file: the package, a .tar.gz
    mims_payload                payload.tar.gz and load_test.json; may be absent
    config/config/config.json   what is registered, see `muniment.pipelines.steps.registration`
    input/metadata              one JSON file, an object of metrics; may be absent

    output/registered_model.json

        {"muniment": {"model", "version", "digest", "url"},
         "sagemaker": {"us-east-1": {"model_package_group_arn", "model_package_arn"}, …},
         "variable_schema": {"input": …, "output": …},
         "pipeline": {"name", "version", "execution_id"}}

First comes Muniment, then one region after the other. What is there already, from this execution
of the pipeline, is found and not made again: a run that failed part-way is completed by another.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OPT_ML = Path(os.environ.get("MUNIMENT_OPT_ML", "/opt/ml"))
MODEL = OPT_ML / "processing/input/model"
PAYLOAD = OPT_ML / "processing/mims_payload"
CONFIG = OPT_ML / "processing/config/config/config.json"
METADATA = OPT_ML / "processing/input/metadata"
OUTPUT = OPT_ML / "processing/output"

REQUIRED = (
    "MUNIMENT_REGISTRY",
    "REGIONS",
    "PIPELINE_NAME",
    "PIPELINE_EXECUTION_ID",
    "PACKAGED_MODEL_S3_URI",
)

try:
    from muniment.errors import ConfigurationError, MunimentError
    from muniment.pipelines.scripts.model_packages import ModelPackages, NotRegistered, Place
    from muniment.pipelines.scripts.model_version import MunimentVersions, Registration
    from muniment.pipelines.scripts.packaging import Refused
except ModuleNotFoundError as error:
    print(  # noqa: T201
        f"registration: {error}. The container's Python needs muniment and boto3: use an image "
        "that has them (MUNIMENT_PIPELINE_IMAGE, or processing_image_uri).",
        file=sys.stderr,
    )
    sys.exit(2)


class CalledWrongly(Exception):
    """A variable is missing, or makes no sense."""


@dataclass
class Done:
    """What was registered so far."""

    muniment: dict[str, Any] = field(default_factory=dict)
    sagemaker: dict[str, dict[str, str]] = field(default_factory=dict)

    def told(self) -> str:
        """One sentence on it."""
        parts = []
        if self.muniment:
            parts.append(f"Muniment ({self.muniment['model']}/{self.muniment['version']})")
        parts += [f"SageMaker {region}" for region in self.sagemaker]
        return f"Registered: {', '.join(parts) or 'nothing'}."


class Incomplete(Exception):
    """Part of it is done."""


def register(registration: Registration, environment: Mapping[str, str]) -> dict[str, Any]:
    """Register with Muniment and in all regions; return the `registered_model` document.

    Raises:
        Incomplete: somebody refused, or did not answer; it says what is registered, and what not.
    """
    regions = [name.strip() for name in environment["REGIONS"].split(",") if name.strip()]
    registration.check_regions(regions)
    done = Done()
    place = Place.of(environment, registration.package.name, registration.has_payload)
    with MunimentVersions.connect(environment) as versions:
        try:
            done.muniment = versions.register(registration)
            for region in regions:
                with ModelPackages(region) as packages:
                    done.sagemaker[region] = packages.register(registration, done.muniment, place)
                versions.note_package(done.muniment, region, done.sagemaker[region])
            versions.note_deployments(registration, done.muniment)
        except (MunimentError, NotRegistered) as error:
            raise _incomplete(error, done, regions) from error
    return {
        "muniment": done.muniment,
        "sagemaker": done.sagemaker,
        "variable_schema": registration.config["variable_schema"],
        "pipeline": {
            "name": registration.pipeline_name,
            "version": registration.pipeline_version,
            "execution_id": registration.execution_id,
        },
    }


def _incomplete(error: Exception, done: Done, regions: Sequence[str]) -> Incomplete:
    left = [f"SageMaker {region}" for region in regions if region not in done.sagemaker]
    if not done.muniment:
        left = ["Muniment", *left]
    return Incomplete(
        f"{error} {done.told()} Not registered: "
        f"{', '.join(left) or 'nothing, but Muniment was not told of all'}. "
        "Run it again with the same execution id to complete it."
    )


def main() -> int:
    """Run the script; return its exit code."""
    environment = os.environ
    try:
        if missing := [name for name in REQUIRED if not environment.get(name)]:
            raise CalledWrongly(f"{', '.join(missing)} must be set.")
        registration = Registration.read(environment, MODEL, PAYLOAD, CONFIG, METADATA)
        if not registration.has_entry_point:
            entry_point = registration.config.get("inference_entry_point")
            print(  # noqa: T201
                f"registration: the package has no code/{entry_point}, its inference entry point; "
                "it is registered all the same, and can't be served as it is.",
                file=sys.stderr,
            )
        document = register(registration, environment)
        OUTPUT.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, indent=2)
        (OUTPUT / "registered_model.json").write_text(text + "\n", "utf-8")
    except (CalledWrongly, ConfigurationError) as error:
        print(f"registration: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except Incomplete as error:
        print(f"registration: {error}", file=sys.stderr)  # noqa: T201
        return 3
    except (Refused, MunimentError, OSError) as error:
        print(f"registration: {error} Nothing was registered.", file=sys.stderr)  # noqa: T201
        return 1
    print(text)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
