"""The server's settings: what may be set, where a value came from, and what is wrong with it.

Each setting has one name, written in two ways: `max_json_bytes` here, `MUNIMENT_MAX_JSON_BYTES` in
the environment or in a file `.env` in the current folder. Who says it first is heard:

    argument  >  MUNIMENT_… in the environment  >  MUNIMENT_… in .env
              >  classic name in the environment  >  classic name in .env  >  default

An empty variable counts as not set. docs/settings.md describes every setting.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from muniment.domain.names import MAX_BLOB_BYTES
from muniment.errors import ConfigurationError
from muniment.server import setting_values as values
from muniment.server.classic_stores import VARIABLES, classic_stores
from muniment.server.setting_texts import SECRETS, as_text, masked
from muniment.services.base import Retention
from muniment.storage.places import (
    BLOBS,
    DATABASE,
    ObjectOptions,
    Place,
    file_url,
    is_plain_http,
    sqlite_url,
)

PREFIX: Final = "MUNIMENT_"
DOTENV: Final = ".env"
KIB: Final = 1024
MIB: Final = 1024 * KIB

CLASSIC: Final = {
    "port": "REGISTRY_PORT",
    "webhook_allow_private": "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS",
    "webhook_schemes": "MLFLOW_WEBHOOK_ALLOWED_SCHEMES",
}
"""Names that the classic registry, or MLflow's server, has for settings of ours."""

OF_OTHERS: Final = frozenset(
    {
        "MUNIMENT_CACHE",
        "MUNIMENT_COMPLETE",
        "MUNIMENT_CONSUMER",
        "MUNIMENT_GIT",
        "MUNIMENT_OPT_ML",
        "MUNIMENT_PASSWORD",
        "MUNIMENT_PIPELINE_AUTHOR",
        "MUNIMENT_PIPELINE_BUCKET",
        "MUNIMENT_PIPELINE_IMAGE",
        "MUNIMENT_PIPELINE_REGION",
        "MUNIMENT_PIPELINE_ROLE",
        "MUNIMENT_PIPELINE_SERVICE",
        "MUNIMENT_PIPELINE_VERSION",
        "MUNIMENT_REGISTRY",
        "MUNIMENT_SIGNED_ONLY",
        "MUNIMENT_TARGET",
        "MUNIMENT_TARGET_PASSWORD",
        "MUNIMENT_TARGET_TOKEN",
        "MUNIMENT_TARGET_USERNAME",
        "MUNIMENT_TOKEN",
        "MUNIMENT_TOKEN_SECRET",
        "MUNIMENT_USERNAME",
        "MUNIMENT_WORKSPACE",
    }
)
"""Variables with our prefix that the client and the command line read, and the server does not."""

OF_TESTS: Final = f"{PREFIX}TEST_"
"""How variables begin that only our tests read."""

_log = logging.getLogger(__name__)


Duration = Annotated[timedelta, BeforeValidator(values.duration), Field(ge=timedelta(0))]
Size = Annotated[int, BeforeValidator(values.size), Field(gt=0)]


class Settings(BaseModel):
    """What a server is told. This reads nothing from anywhere; `load_settings` does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1", description="The address to listen on; others than loopback need users."
    )
    port: int = Field(8000, ge=0, le=65_535, description="The port; 0 picks a free one.")
    home: Path = Field(
        Path(".muniment"), description="The folder of the database and of the models' files."
    )
    database: Annotated[SecretStr | None, BeforeValidator(values.database)] = Field(
        None, description="The URL of the database; without it, SQLite in the home."
    )
    blobs: Annotated[str | None, BeforeValidator(values.blobs)] = Field(
        None, description="Where models' files are: a folder or the URL of an object store."
    )
    s3_endpoint: Annotated[str, BeforeValidator(values.endpoint)] = Field(
        "", description="The address of a server that speaks S3; without it, Amazon's."
    )
    s3_region: str = Field("", description="The region of the bucket.")
    s3_access_key_id: str = Field("", description="The id of the key for the bucket.")
    s3_secret_access_key: SecretStr | None = Field(
        None, description="That key's secret; better given as a file."
    )
    s3_public_endpoint: Annotated[str, BeforeValidator(values.endpoint)] = Field(
        "", description="The address by which clients reach the object store, if it is another."
    )
    direct_transfer: bool = Field(
        True, description="Whether clients may be sent to the object store for bytes."
    )
    workers: int = Field(1, ge=1, le=256, description="How many processes answer requests.")
    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(values.host_names)] = Field(
        (), description="Names by which clients may call the server, beside loopback's."
    )
    tls_certificate: Path | None = Field(
        None, description="The file of the certificate (PEM, with its chain), to serve TLS."
    )
    tls_key: Path | None = Field(
        None, description="The file of its key, if that is not in the certificate's file."
    )
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(values.networks)] = Field(
        (), description="Reverse proxies whose X-Forwarded-For, -Proto and -Host count."
    )
    proxy_user_header: Annotated[str | None, BeforeValidator(values.header_name)] = Field(
        None, description="The header in which a trusted proxy names who has signed in there."
    )
    oidc_issuer: Annotated[str | None, BeforeValidator(values.issuer)] = Field(
        None, description="The OpenID Connect issuer that people and machines may sign in with."
    )
    oidc_client_id: str | None = Field(
        None, description="This server's client id there, for people."
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="Its secret, if it has one; better given as a file."
    )
    oidc_audience: str | None = Field(
        None, description="What the JWTs of machines must be made for; without it, none is taken."
    )
    oidc_name_claim: str = Field("preferred_username", description="The claim with a user's name.")
    oidc_groups_claim: str = Field("groups", description="The claim with a user's groups.")
    oidc_scopes: Annotated[tuple[str, ...], BeforeValidator(values.listed)] = Field(
        ("openid", "profile", "email"), description="The scopes that people are signed in with."
    )
    rate_limit: float = Field(
        0, ge=0, allow_inf_nan=False, description="Requests a second, per caller; 0: any number."
    )
    max_json_bytes: Size = Field(32 * MIB, description="The largest JSON body.")
    max_upload_bytes: Size = Field(MAX_BLOB_BYTES, description="The largest body with bytes.")
    max_header_bytes: Size = Field(64 * KIB, description="The headers of a request together.")
    max_headers: int = Field(100, gt=0, description="How many headers a request may have.")
    max_url_bytes: Size = Field(48 * KIB, description="The longest path with its query.")
    restore_window: Duration = Field(
        timedelta(days=30), description="How long what was deleted can be restored."
    )
    grace: Duration = Field(
        timedelta(days=1),
        description="How long bytes are kept that nothing needs, but somebody has asked about.",
    )
    upload_lifetime: Duration = Field(
        timedelta(days=7), description="How long an unfinished upload can be gone on with."
    )
    gc_every: Duration = Field(
        timedelta(days=1), description="How often garbage is collected; 0: only when told to."
    )
    checks_every: Duration = Field(
        timedelta(seconds=5),
        description="How often sealed versions are looked for that wait for checks; 0: never.",
    )
    use_retention: Annotated[timedelta, BeforeValidator(values.retention)] = Field(
        timedelta(weeks=52), description="How long it is known who used a version; 0: for ever."
    )
    audit_retention: Annotated[timedelta, BeforeValidator(values.retention)] = Field(
        timedelta(0), description="How long the audit log is kept; 0: for ever."
    )
    webhook_schemes: Annotated[tuple[str, ...], BeforeValidator(values.schemes)] = Field(
        ("https",), description="The schemes that webhooks' URLs may have."
    )
    webhook_allow_private: bool = Field(
        False, description="Whether webhooks may lead to private and loopback addresses."
    )
    webhook_retention: Duration = Field(
        timedelta(days=7), description="How long finished deliveries are kept."
    )
    mlflow_tracking: Literal["auto", "on", "off"] = Field(
        "auto", description="Whether MLflow keeps runs here; auto: if it is installed."
    )
    mlflow_database: Annotated[SecretStr | None, BeforeValidator(values.tracking_database)] = Field(
        None, description="The URL of the database for runs; without it, beside ours."
    )
    mlflow_ingest: Annotated[tuple[str, ...], BeforeValidator(values.ingest_places)] = Field(
        (), description="Folders and MLflow servers from which registered models are fetched."
    )
    mlflow_ingest_token: SecretStr | None = Field(
        None, description="The token that those servers ask for; better given as a file."
    )
    metrics: bool = Field(True, description="Whether /metrics answers.")
    metrics_public: bool = Field(False, description="Whether /metrics answers without sign-in.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="The least severe lines that are logged (to stderr)."
    )
    log_format: Literal["text", "json"] = Field("text", description="The form of log lines.")
    access_log: bool = Field(False, description="Whether each request is logged.")

    @property
    def retention(self) -> Retention:
        """How long things that nobody needs are kept."""
        return Retention(self.restore_window, self.grace, self.upload_lifetime)

    @property
    def shown_place(self) -> str:
        """Where the registry lives, as it may be shown: as short as it was said."""
        home = self.home
        if self.place.folder != home.absolute():
            return self.place.shown
        return str(home) if home.is_absolute() else os.path.join(".", home)  # noqa: PTH118

    @property
    def place(self) -> Place:
        """Where the registry lives."""
        home = self.home
        return Place(
            database=_plain(self.database) or sqlite_url(home / DATABASE),
            blobs=self.blobs or file_url(home / BLOBS),
            options=ObjectOptions(
                endpoint=self.s3_endpoint,
                region=self.s3_region,
                access_key_id=self.s3_access_key_id,
                secret_access_key=_plain(self.s3_secret_access_key),
                allow_http=is_plain_http(self.s3_endpoint),
                public_endpoint=self.s3_public_endpoint,
                direct=self.direct_transfer,
            ),
        )


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it stands: its value as text, and in words where that came from."""

    name: str
    variable: str
    value: str
    source: str
    description: str


@dataclass(frozen=True, slots=True)
class _Found:
    value: object
    source: str


def load_settings(**arguments: object) -> Settings:
    """Return the settings in force. Arguments that are None count as not given.

    Raises:
        ConfigurationError: a value breaks its rule, or asks for what this version has not.
    """
    return _validated(_find(arguments))


def describe_settings(**arguments: object) -> list[Setting]:
    """Return every setting in force with its source, in the order of docs/settings.md.

    Raises:
        ConfigurationError: as `load_settings`.
    """
    found = _find(arguments)
    settings = _validated(found)
    return [
        Setting(
            name=name,
            variable=_variable(name),
            value=as_text(name, getattr(settings, name)),
            source=found[name].source if name in found else "default",
            description=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def _find(arguments: Mapping[str, object]) -> dict[str, _Found]:
    places = {"environment variable": os.environ, f"{DOTENV} file": _dotenv()}
    for place, variables in places.items():
        _warn_of_unknown(variables, place)
    found: dict[str, _Found] = {}
    for name in Settings.model_fields:
        if arguments.get(name) is not None:
            found[name] = _Found(arguments[name], "argument")
            continue
        for variable in filter(None, (_variable(name), CLASSIC.get(name))):
            for place, variables in places.items():
                if variables.get(variable) and name not in found:
                    found[name] = _Found(variables[variable], f"{place} {variable}")
        if name in SECRETS and name not in found:
            found |= _in_file(name, places)
    found |= _in_classic_stores(places, found)
    unknown = arguments.keys() - Settings.model_fields.keys()
    return found | {name: _Found(arguments[name], "argument") for name in unknown}


def _in_classic_stores(
    places: Mapping[str, Mapping[str, str]], known: Mapping[str, _Found]
) -> dict[str, _Found]:
    """Return the stores that classic variables name, but for those that ours name."""
    by_place = {place: {n: v for n, v in said.items() if v} for place, said in places.items()}
    merged = {n: v for said in reversed(by_place.values()) for n, v in said.items()}
    found: dict[str, _Found] = {}
    for said in classic_stores(merged):
        if said.keys() & known.keys():
            continue
        for name, (value, variable) in said.items():
            place = next(place for place in by_place if variable in by_place[place])
            found[name] = _Found(value, f"{place} {variable}")
    for selecting, others in VARIABLES.items():
        for variable in others:
            if variable in merged and selecting not in merged:
                _log.warning("%s is set, and has no effect without %s.", variable, selecting)
    return found


def _in_file(name: str, places: Mapping[str, Mapping[str, str]]) -> dict[str, _Found]:
    """Return a secret that stands in a file which a variable names; nothing if none does."""
    variable = _file_variable(name)
    for place, variables in places.items():
        if path := variables.get(variable):
            source = f"{place} {variable}"
            try:
                return {name: _Found(Path(path).read_text("utf-8").strip(), source)}
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(
                    f"The file {path!r:.200} (from {source}) can't be read: {error}.",
                    hint="It holds the secret alone, in UTF-8.",
                    details={"setting": name, "source": source},
                ) from error
    return {}


def _dotenv() -> dict[str, str]:
    try:
        found = dotenv_values(DOTENV, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The file {DOTENV} in this folder can't be read: {error}.",
            hint="It holds lines such as MUNIMENT_PORT=8000, in UTF-8.",
        ) from error
    return {name: value for name, value in found.items() if value}


def _validated(found: Mapping[str, _Found]) -> Settings:
    try:
        return Settings.model_validate({name: item.value for name, item in found.items()})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    rule = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    item = found[name]
    shown = f"{masked(name, item.value)!r:.200}"
    raise ConfigurationError(
        f"The setting {name} is {shown} (from {item.source}); it must be {rule}.",
        hint="docs/settings.md describes every setting; `muniment config` shows them.",
        details={"setting": name, "source": item.source, "rule": rule},
    )


def _warn_of_unknown(variables: Mapping[str, str], place: str) -> None:
    known = {_variable(name) for name in Settings.model_fields} | OF_OTHERS
    known |= set(map(_file_variable, SECRETS))
    for variable in sorted(variables):
        ours = variable.startswith(PREFIX) and not variable.startswith(OF_TESTS)
        if ours and variable not in known:
            near = get_close_matches(variable, known, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            _log.warning("There is no setting %s (%s).%s", variable, place, meant)


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _file_variable(name: str) -> str:
    return f"{_variable(name)}_FILE"


def _plain(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
