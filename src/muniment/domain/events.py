"""Events: what the activities of a model mean to whoever wants to be told of them.

    version.created  {tags: …, …}          ──> model_version.created, version.created
    version.updated  {tags: {a: 1, b: —}}  ──> model_version_tag.set, model_version_tag.deleted,
                                               version.updated
    stage.changed                          ──> stage.entered, stage.changed

An event is nothing of its own: it can be derived again, at any time, from the activity that was
written with the change. Some have the names and the data of MLflow's protocol, in which a prompt (a
model with a tag that says so) has events apart. Those of our own hold the whole activity, and one,
the last, is named by its kind. `stage.entered` is about the stage that a version comes to alone,
`stage.changed` also about the one that it leaves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, cast

from muniment.domain.activities import OF_MODELS, Activity, ActivityKind, Entry, Happened, chain
from muniment.domain.values import JsonObject, Value, as_values, from_millis, text_of
from muniment.errors import InvalidInput

IS_PROMPT: Final = "mlflow.prompt.is_prompt"
PROMPT_TEXT: Final = "mlflow.prompt.text"
_PROMPT_TYPE: Final = "_mlflow_prompt_type"


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """A kind of event: what it is about, and what happened to it; written `entity.action`."""

    entity: str
    action: str

    def __str__(self) -> str:
        return f"{self.entity}.{self.action}"

    @classmethod
    def parse(cls, text: str) -> Event:
        """Read `entity.action`. Raises InvalidInput if there is no such event."""
        event = cls(*text.rpartition(".")[::2])
        if event not in SAMPLES:
            about = [str(known) for known in SAMPLES if known.entity == event.entity]
            raise InvalidInput(
                f"There is no event {text!r:.200}.",
                hint=f"The events are {', '.join(about or map(str, SAMPLES))}.",
                details={"field": "events"},
            )
        return event


ENTERED: Final = Event("stage", "entered")
"""A version has come to a stage: for who wants to know of that one, and not of who leaves it."""


@dataclass(frozen=True, slots=True)
class Occurred:
    """An event that has happened, and its data; `stages` are those that it is about, if any."""

    event: Event
    at: datetime
    data: JsonObject
    stages: tuple[str, ...] = ()

    @property
    def body(self) -> str:
        """What receivers are sent: JSON, in ASCII."""
        return json.dumps(
            {
                "entity": self.event.entity,
                "action": self.event.action,
                "timestamp": self.at.isoformat(timespec="microseconds"),
                "data": self.data,
            }
        )


def is_prompt(tags: Mapping[str, Value]) -> bool:
    """Say whether the tags of a model or version make it a prompt."""
    return str(tags.get(IS_PROMPT, "")).lower() == "true"


def names_after(activities: Sequence[Activity], name: str) -> list[str]:
    """Return the name that a model had after each of its activities; `name` after the last one."""
    names: list[str] = []
    for activity in reversed(activities):
        names.append(name)
        name = name_before(activity, name)
    return names[::-1]


def name_before(activity: Activity, name: str) -> str:
    """Return the name that a model had before an activity, after which it is called `name`."""
    if activity.kind == ActivityKind.MODEL_RENAMED:
        return cast(str, activity.details["from"])
    return name


def events_of(activity: Activity, name: str, *, prompt: bool) -> list[Occurred]:
    """Return the events that an activity of a model means, in their order.

    Args:
        name: what the model was called after it.
        prompt: whether the model is a prompt.
    """
    meaning = _MEANINGS.get(activity.kind)
    means = [] if meaning is None else meaning(activity, name, prompt)
    means.append((_own(activity.kind), Happened(name, 0, activity).to_json()))
    return [Occurred(event, activity.at, data, _stages(event, activity)) for event, data in means]


# -- what each kind of activity means ------------------------------------------------------------

_Meaning = list[tuple[Event, JsonObject]]


def _model_created(activity: Activity, name: str, prompt: bool) -> _Meaning:
    tags = as_values(activity.details.get("tags"))
    prompt = is_prompt(tags)
    hidden = (IS_PROMPT, _PROMPT_TYPE) if prompt else ()
    data: JsonObject = {
        "name": name,
        "tags": _texts(tags, without=hidden),
        "description": activity.details.get("description", ""),
    }
    return [(Event("prompt" if prompt else "registered_model", "created"), data)]


def _version_created(activity: Activity, name: str, prompt: bool) -> _Meaning:
    details = activity.details
    tags = as_values(details.get("tags"))
    hidden: tuple[str, ...] = ()
    content: JsonObject = {
        "source": details.get("source_uri", ""),
        "run_id": details.get("run_id") or None,
    }
    prompt = is_prompt(tags)
    if prompt:
        hidden = (IS_PROMPT, _PROMPT_TYPE, PROMPT_TEXT)
        text = tags.get(PROMPT_TEXT)
        content = {"template": None if text is None else text_of(text)}
    data: JsonObject = {
        "name": name,
        "version": str(activity.version),
        **content,
        "tags": _texts(tags, without=hidden),
        "description": details.get("description") or None,
    }
    return [(Event("prompt_version" if prompt else "model_version", "created"), data)]


def _model_updated(activity: Activity, name: str, prompt: bool) -> _Meaning:
    return _tagged("prompt_tag", {"name": name}, activity) if prompt else []


def _version_updated(activity: Activity, name: str, prompt: bool) -> _Meaning:
    entity = "prompt_version_tag" if prompt else "model_version_tag"
    return _tagged(entity, {"name": name, "version": str(activity.version)}, activity)


def _alias_set(activity: Activity, name: str, prompt: bool) -> _Meaning:
    details = activity.details
    if details.get("from") == details.get("to"):
        return []  # only its protection was changed
    data: JsonObject = {"name": name, "alias": details["alias"], "version": str(details["to"])}
    return [(Event(_alias(prompt), "created"), data)]


def _alias_deleted(activity: Activity, name: str, prompt: bool) -> _Meaning:
    data: JsonObject = {"name": name, "alias": activity.details["alias"]}
    return [(Event(_alias(prompt), "deleted"), data)]


def _stage_changed(activity: Activity, name: str, prompt: bool) -> _Meaning:
    return [(ENTERED, Happened(name, 0, activity).to_json())]


def _own(kind: str) -> Event:
    """Return the event of our own that an activity of this kind is."""
    entity, _, action = kind.rpartition(".")
    return Event(entity, action)


def _stages(event: Event, activity: Activity) -> tuple[str, ...]:
    """Return the stages that an event is about: one is left and one entered, or asked for."""
    match activity.kind.partition(".")[0], activity.details:
        case "stage", {"from": str(left), "to": str(entered)}:
            return (entered,) if event == ENTERED else (left, entered)
        case "request", {"to": str(wanted)}:
            return (wanted,)
    return ()


_MEANINGS: Final[Mapping[str, Callable[[Activity, str, bool], _Meaning]]] = {
    ActivityKind.MODEL_CREATED: _model_created,
    ActivityKind.MODEL_UPDATED: _model_updated,
    ActivityKind.VERSION_CREATED: _version_created,
    ActivityKind.VERSION_UPDATED: _version_updated,
    ActivityKind.ALIAS_SET: _alias_set,
    ActivityKind.ALIAS_DELETED: _alias_deleted,
    ActivityKind.STAGE_CHANGED: _stage_changed,
}


def _tagged(entity: str, about: JsonObject, activity: Activity) -> _Meaning:
    changes = cast("dict[str, Value | None]", activity.details.get("tags") or {})
    return [
        (Event(entity, "deleted"), {**about, "key": key})
        if value is None
        else (Event(entity, "set"), {**about, "key": key, "value": text_of(value)})
        for key, value in changes.items()
    ]


def _alias(prompt: bool) -> str:
    return "prompt_alias" if prompt else "model_version_alias"


def _texts(tags: Mapping[str, Value], *, without: Sequence[str] = ()) -> JsonObject:
    return {key: text_of(value) for key, value in tags.items() if key not in without}


# -- samples -------------------------------------------------------------------------------------


def _samples() -> dict[Event, JsonObject]:
    tag: JsonObject = {"key": "example_key"}
    samples: dict[Event, JsonObject] = {}
    for model, version, name in (
        ("registered_model", "model_version", "example_model"),
        ("prompt", "prompt_version", "example_prompt"),
    ):
        of_model: JsonObject = {"name": name}
        of_version: JsonObject = {"name": name, "version": "1"}
        of_alias: JsonObject = {"name": name, "alias": "example_alias"}
        made: JsonObject = {"tags": {"example_key": "example_value"}, "description": "An example"}
        if model == "prompt":
            content: JsonObject = {"template": "Hello, {{name}}!"}
            samples[Event("prompt_tag", "set")] = {**of_model, **tag, "value": "example_value"}
            samples[Event("prompt_tag", "deleted")] = {**of_model, **tag}
            alias = "prompt_alias"
        else:
            content = {"source": "models:/m-1", "run_id": "0123456789abcdef"}
            alias = "model_version_alias"
        samples |= {
            Event(model, "created"): {**of_model, **made},
            Event(version, "created"): {**of_version, **content, **made},
            Event(f"{version}_tag", "set"): {**of_version, **tag, "value": "example_value"},
            Event(f"{version}_tag", "deleted"): {**of_version, **tag},
            Event(alias, "created"): {**of_alias, "version": "1"},
            Event(alias, "deleted"): of_alias,
        }
    # Clients of MLflow may ask for it; no registry has budgets of a gateway: it never happens here.
    samples[Event("budget_policy", "exceeded")] = {"budget_policy_id": "example_policy"}
    return samples


def _own_samples() -> dict[Event, JsonObject]:
    samples: dict[Event, JsonObject] = {}
    for kind in OF_MODELS:
        about_model = kind.value.startswith("model.")
        entry = Entry(
            kind,
            actor="example_user",
            at=from_millis(0),
            version=None if about_model else 1,
            comment="An example",
            details=_DETAILS.get(kind.value.partition(".")[0], {}),
        )
        activity = chain(entry, model_uuid="0" * 32, sequence=1, previous="")
        samples[_own(kind)] = Happened("example_model", 0, activity).to_json()
    samples[ENTERED] = samples[_own(ActivityKind.STAGE_CHANGED)]
    return samples


_DETAILS: Final[Mapping[str, JsonObject]] = {
    "stage": {"from": "Staging", "to": "Production"},
    "request": {"request": 1, "from": "Staging", "to": "Production"},
    "alias": {"alias": "example_alias", "from": None, "to": 1},
}
_OF_MLFLOW: Final = _samples()
MLFLOW: Final = frozenset(_OF_MLFLOW)
"""The events of MLflow's protocol."""
SAMPLES: Final[Mapping[Event, JsonObject]] = MappingProxyType(_OF_MLFLOW | _own_samples())
"""Every event that one may ask for, with data to try a receiver with."""
