"""What is registered, and the version of it in Muniment."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote

from muniment.client.contents import Content, of_path
from muniment.client.registry import Registry
from muniment.client.transfers import Transfers
from muniment.connecting import connect, is_server
from muniment.domain.changes import NewVersion
from muniment.domain.entities import ModelVersion, Signature
from muniment.domain.lineage import Node, NodeKind, Origin, Relation, relation_to
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import JsonObject, Value
from muniment.errors import ConfigurationError, Conflict, IdempotencyKeyReused, NotFound
from muniment.pipelines.scripts.packaging import Refused, members

PAYLOAD_FILE: Final = "payload.tar.gz"
LOAD_TEST_FILE: Final = "load_test.json"
SOURCE: Final = "pipeline"
EXECUTION_TAG: Final = "pipeline_execution_id"
PACKAGE_TAG: Final = "sagemaker_model_package"  # .<region>
READ: Final = ("metrics.json", "hyperparameters.json", "dataset.json")
LARGEST: Final = 10 * 1024**2  # bytes of a file in the package that is read

_NEEDED: Final = ("model_name", "model_package_group", "framework", "variable_schema")
_TAGS: Final = (
    "model_registration_domain",
    "model_registration_objective",
    "model_owner",
    "source_model_inference_content_types",
    "source_model_inference_response_types",
    "inference_instance_type",
    "inference_entry_point",
    "framework_version",
    "author",
    "service_name",
)


@dataclass(frozen=True)
class Registration:
    """What is registered: files, and what is said of them.

    `config` is the step's config.json. `described` are the JSON files at the package's root that
    training has left: metrics, hyperparameters, data set.
    """

    package: Path
    payload: Path
    config: Mapping[str, Any]
    metrics: Mapping[str, float]
    pipeline_name: str
    pipeline_version: str
    execution_id: str
    described: Mapping[str, Any] = field(default_factory=dict)
    has_entry_point: bool = True

    @classmethod
    def read(
        cls,
        environment: Mapping[str, str],
        model: Path,
        payload: Path,
        config: Path,
        metadata: Path,
    ) -> Registration:
        """Read what the container holds.

        Raises:
            Refused: the package is not one file, or is broken or hostile; a JSON file is none.
        """
        files = sorted(file for file in model.rglob("*") if not file.is_dir())
        if len(files) != 1 or not files[0].is_file() or files[0].is_symlink():
            names = ", ".join(file.name for file in files[:5]) or "nothing"
            raise Refused(f"{model} must hold exactly one file, the package; it holds {names}.")
        told = _object(config)
        if missing := [name for name in _NEEDED if name not in told]:
            raise Refused(f"{config} lacks {', '.join(missing)}.")
        described, paths = _look_into(files[0])
        metrics = _metrics(described.get("metrics.json", {}), f"metrics.json in {files[0].name}")
        for file in sorted(metadata.glob("*.json")) if metadata.is_dir() else ():
            metrics |= _metrics(_object(file), file.name)
        return cls(
            package=files[0],
            payload=payload,
            config=told,
            metrics=metrics,
            pipeline_name=environment["PIPELINE_NAME"],
            pipeline_version=environment.get("PIPELINE_VERSION", ""),
            execution_id=environment["PIPELINE_EXECUTION_ID"],
            described=described,
            has_entry_point=f"code/{told.get('inference_entry_point')}" in paths,
        )

    @property
    def has_payload(self) -> bool:
        """Whether there are example requests."""
        return (self.payload / PAYLOAD_FILE).is_file()

    @property
    def key(self) -> str:
        """What tells this registration from others: the same for each try of one execution."""
        said = [self.pipeline_name, self.execution_id, self.config["model_name"]]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def check_regions(self, regions: list[str]) -> None:
        """Raise Refused unless there are regions, and images to serve the model with in each."""
        if not regions:
            raise Refused("REGIONS names no region; it must name one or more, with commas between.")
        images = self.config.get("inference_images") or {}
        for region in regions:
            if not images.get(region):
                raise Refused(f"The configuration has no inference image for {region}.")

    def contents(self) -> list[Content]:
        """Return the files of the version."""
        files = [self.package]
        files += [self.payload / name for name in (PAYLOAD_FILE, LOAD_TEST_FILE)]
        return [content for file in files if file.is_file() for content in of_path(file)]

    def new_version(self) -> NewVersion:
        """Return what is said of the version; nothing in it differs from try to try."""
        config = self.config
        tags: dict[str, Value] = {
            name: _text(config[name]) for name in _TAGS if config.get(name) not in (None, "")
        }
        tags |= {"pipeline_name": self.pipeline_name, EXECUTION_TAG: self.execution_id}
        if self.pipeline_version:
            tags["pipeline_version"] = self.pipeline_version
        load_test = self.payload / LOAD_TEST_FILE
        if load_test.is_file():
            tags |= {f"load_test.{name}": _text(v) for name, v in _object(load_test).items()}
        domain = config.get("model_registration_domain", "")
        return NewVersion(
            description=f"{config.get('model_registration_objective', '')} ({domain})",
            tags=tags,
            params=_scalars(self.described.get("hyperparameters.json", {})),
            metrics=self.metrics,
            framework=str(config["framework"]),
            signature=Signature.from_json(config["variable_schema"]),
            origins=tuple(self._origins()),
        )

    def _origins(self) -> list[Origin]:
        properties: dict[str, Value] = {"version": self.pipeline_version}
        if region := self.config.get("pipeline_region"):
            properties["region"] = str(region)
        pipeline = Node(
            NodeKind.PIPELINE, self.execution_id, self.pipeline_name, properties=properties
        )
        origins = [Origin(pipeline, Relation.PRODUCED_BY, SOURCE)]
        if table := self.described.get("dataset.json"):
            digest = str(table.get("digest", ""))
            known = {k: table[k] for k in ("size", "rows", "columns", "label") if k in table}
            named = {"kind": "dataset", "digest": digest, "name": str(table.get("file", ""))}
            node = Node.from_json({**named, "properties": known})
            origins.append(Origin(node, Relation.TRAINED_ON, SOURCE))
        if commit := self.config.get("commit"):
            node = Node.from_json(commit)
            origins.append(Origin(node, relation_to(node.kind, ""), "git"))
        return origins


class MunimentVersions:
    """The registry, as registration sees it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @classmethod
    def connect(cls, environment: Mapping[str, str]) -> MunimentVersions:
        """Sign in where MUNIMENT_REGISTRY is, with MUNIMENT_TOKEN or MUNIMENT_TOKEN_SECRET.

        Raises:
            ConfigurationError: the secret can't be read.
        """
        address = environment["MUNIMENT_REGISTRY"]
        token = None
        if is_server(address) and not (token := environment.get("MUNIMENT_TOKEN")):
            secret = environment.get("MUNIMENT_TOKEN_SECRET")
            token = _token_in(secret) if secret else None
        registry = connect(
            address,
            workspace=environment.get("MUNIMENT_WORKSPACE") or None,
            token=token,
            progress=False,
        )
        return cls(registry)

    def __enter__(self) -> MunimentVersions:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._registry.close()

    def register(self, registration: Registration) -> dict[str, Any]:
        """Add the version, unless this execution has; return what names it.

        Raises:
            Conflict: this execution has registered other files under this name.
        """
        name = str(registration.config["model_name"])
        version = self._found(name, registration.execution_id, registration.pipeline_name)
        if version is None:
            version = self._add(name, registration)
        else:
            _check_same(version, registration)
        return {
            "model": version.model,
            "version": version.version,
            "digest": f"sha256:{version.digest}",
            "url": self._url(version),
        }

    def note_package(self, muniment: JsonObject, region: str, package: Mapping[str, str]) -> None:
        """Tag the version with its model package in a region."""
        ref = f"{muniment['model']}/{muniment['version']}"
        tag = f"{PACKAGE_TAG}.{region}"
        if self._registry.version(ref).tags.get(tag) != package["model_package_arn"]:
            self._registry.tag(ref, {tag: package["model_package_arn"]})

    def note_deployments(self, registration: Registration, muniment: JsonObject) -> None:
        """Declare where the version is to run; a deployment of a later version is left alone."""
        model, number = str(muniment["model"]), int(str(muniment["version"]))
        live = {(d.environment, d.name): d for d in self._registry.deployments(model=model)}
        for environment, name in (registration.config.get("deployments") or {}).items():
            present = live.get((environment, name))
            if present is None or present.version is None or present.version < number:
                self._registry.deploy(f"{model}/{number}", environment, name, status="pending")

    def _found(self, name: str, execution: str, pipeline: str) -> ModelVersion | None:
        quoted = execution.replace("'", "''")
        try:
            found = self._registry.versions(f"tags.{EXECUTION_TAG} = '{quoted}'", model=name)
            same = [one for one in found if one.tags.get("pipeline_name") == pipeline]
        except NotFound:
            return None
        return same[-1] if same else None

    def _add(self, name: str, registration: Registration) -> ModelVersion:
        transfers = Transfers(self._registry.backend, self._registry.cache, False)
        try:
            return transfers.push(
                name,
                registration.contents(),
                registration.new_version(),
                idempotency_key=registration.key,
            )
        except IdempotencyKeyReused as error:
            raise _other(name, registration.execution_id) from error

    def _url(self, version: ModelVersion) -> str:
        address = self._registry.address
        if not is_server(address):
            return address
        return f"{address}/api/v1/models/{quote(version.model, safe='')}/versions/{version.version}"


def _check_same(version: ModelVersion, registration: Registration) -> None:
    files = []
    for content in registration.contents():
        seen = hashlib.sha256()
        for piece in content.open(0):
            seen.update(piece)
        files.append(FileEntry(content.path, seen.hexdigest(), content.size, content.media_type))
    if Manifest.of(files).digest != version.digest:
        raise _other(version.ref, registration.execution_id)


def _other(ref: str, execution: str) -> Conflict:
    return Conflict(
        f"The execution {execution!r} has registered other files as {ref}.",
        hint="Start the pipeline anew, under another execution id, to register these.",
    )


def _token_in(secret: str) -> str:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with closing(boto3.client("secretsmanager")) as client:
            return str(client.get_secret_value(SecretId=secret)["SecretString"]).strip()
    except (BotoCoreError, ClientError, KeyError) as error:
        raise ConfigurationError(
            f"The secret {secret!r} of MUNIMENT_TOKEN_SECRET can't be read: {error}",
            hint="It must be a text in AWS Secrets Manager that the step's role may read.",
        ) from error


def _look_into(package: Path) -> tuple[dict[str, Any], set[str]]:
    """Read the whole package: what describes it, and which paths it has."""
    described: dict[str, Any] = {}
    paths: set[str] = set()
    for path, content in members(package):
        paths.add(path)
        if content is not None and path in READ:
            data = content.read(LARGEST + 1)
            if len(data) > LARGEST:
                raise Refused(f"{path} in {package.name} has more than {LARGEST} bytes.")
            described[path] = _parsed(f"{path} in {package.name}", data)
    if not paths:
        raise Refused(f"{package.name} is empty.")
    return described, paths


def _object(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise Refused(f"There is no file {file}.")
    return _parsed(file.name, file.read_bytes())


def _parsed(name: str, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise Refused(f"{name} is no JSON: {error}.") from error
    if not isinstance(value, dict):
        raise Refused(f"{name} must hold one JSON object.")
    return value


def _metrics(given: Mapping[str, Any], name: str) -> dict[str, float]:
    for key, value in given.items():
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise Refused(f"{key!r} in {name} is {value!r:.80}; a metric must be a finite number.")
    return {key: float(value) for key, value in given.items()}


def _scalars(given: Mapping[str, Any]) -> dict[str, Value]:
    return {k: v for k, v in given.items() if isinstance(v, str | int | float | bool)}


def _text(value: Any) -> Value:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value if isinstance(value, int | float | bool) else str(value)
