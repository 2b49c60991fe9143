"""Entities that are made or changed the short way are what their class makes of them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.replacing import maker, replace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
VERSION = ModelVersion(1, "uuid", "default", "m", 3, NOON, NOON, "ada", tags={"a": 1})
MODEL = RegisteredModel(1, "uuid", "default", "m", "m", NOON, NOON, "ada")


def test_the_named_fields_are_changed_and_the_others_are_the_same() -> None:
    changed = replace(VERSION, stage="Production", revision=2)
    assert changed == dataclasses.replace(VERSION, stage="Production", revision=2)
    assert changed.tags is VERSION.tags
    assert (VERSION.stage, VERSION.revision) == ("None", 1)
    assert replace(MODEL, latest=3) == dataclasses.replace(MODEL, latest=3)


def test_a_field_that_there_is_not_can_t_be_changed() -> None:
    with pytest.raises(KeyError, match="colour"):
        replace(VERSION, colour="red")  # type: ignore[call-arg]


def test_what_an_entity_made_for_itself_is_not_passed_on() -> None:
    version = replace(VERSION, stage="Staging")
    version.encoded["api"] = b"{}"
    assert replace(version, stage="Production").encoded == {} == VERSION.encoded


def test_a_twin_makes_what_the_class_makes() -> None:
    make = maker(ModelVersion)
    made = make(1, "uuid", "default", "m", 3, NOON, NOON, "ada", tags={"a": 1})
    assert (type(made), made, repr(made)) == (ModelVersion, VERSION, repr(VERSION))
    assert made.params is not make(1, "uuid", "default", "m", 3, NOON, NOON, "ada").params
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.stage = "Production"  # type: ignore[misc]
    with pytest.raises(TypeError, match="colour"):
        make(1, "uuid", "default", "m", 3, NOON, NOON, "ada", colour="red")  # type: ignore[call-arg]
