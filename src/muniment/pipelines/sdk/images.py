"""SageMaker's own container images, from the lists that the SDK ships."""

from __future__ import annotations

from functools import cache
from typing import Final

from muniment.pipelines.configs import FRAMEWORK_VERSIONS
from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.sdk.names import image_uris

_LISTED: Final = {("sklearn", "1.4-2-py312"): "1.2-1"}
"""Images that version 2 does not list, and others that stand in the same repository."""


@cache
def image_uri(
    framework: str,
    *,
    region: str,
    instance_type: str,
    scope: str,
    version: str = "",
    py_version: str = "",
) -> str:
    """Return an image's URI in a region; `scope` is `training` or `inference`.

    Without versions, those in `FRAMEWORK_VERSIONS` are meant.

    Raises:
        InvalidPipeline: SageMaker has no such image.
    """
    usual = FRAMEWORK_VERSIONS[framework]
    version, py_version = version or usual[0], py_version or usual[1]
    listed = _LISTED.get((framework, version), version)
    try:
        uri: str = image_uris.retrieve(
            framework,
            region,
            version=listed,
            py_version=py_version,
            instance_type=instance_type,
            image_scope=scope,
        )
    except (ValueError, KeyError) as error:
        raise InvalidPipeline(
            f"SageMaker has no {scope} image for {framework} {version} ({py_version}) in "
            f"{region}: {error}",
            hint="Name an image of your own, or another framework_version.",
        ) from None
    repository, _, tag = uri.rpartition(":")
    return f"{repository}:{tag.replace(listed, version, 1)}"
