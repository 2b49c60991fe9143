"""Savers, loaders and registers as values that configuration chooses."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from muniment import ml
from muniment.errors import ConfigurationError
from muniment.ml.configuration import imported
from muniment.ml.loaders import LOADERS
from muniment.ml.registers import REGISTERS
from muniment.ml.savers import SAVERS

CHOICES: list[tuple[TypeAdapter[Any], dict[str, Any], type[Any]]] = [
    (SAVERS, {"KIND": "CustomSaver"}, ml.CustomSaver),
    (SAVERS, {"KIND": "BuiltinSaver", "flavor": "sklearn"}, ml.BuiltinSaver),
    (SAVERS, {"KIND": "MunimentSaver", "flavor": "xgboost", "path": "out"}, ml.MunimentSaver),
    (LOADERS, {"KIND": "CustomLoader", "trust": True}, ml.CustomLoader),
    (LOADERS, {"KIND": "BuiltinLoader"}, ml.BuiltinLoader),
    (LOADERS, {"KIND": "MunimentLoader", "registry": "./registry"}, ml.MunimentLoader),
    (REGISTERS, {"KIND": "MlflowRegister", "tags": {"team": "risk"}}, ml.MlflowRegister),
    (REGISTERS, {"KIND": "MunimentRegister"}, ml.MunimentRegister),
]


@pytest.mark.parametrize(("adapter", "document", "kind"), CHOICES, ids=lambda v: str(v)[:60])
def test_its_kind_chooses_it_and_it_comes_back_from_json(
    adapter: TypeAdapter[Any], document: dict[str, Any], kind: type[Any]
) -> None:
    chosen = adapter.validate_python(document)
    assert type(chosen) is kind
    assert adapter.validate_json(chosen.model_dump_json()) == chosen
    with pytest.raises(ValidationError, match="frozen"):
        chosen.KIND = "Other"
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        adapter.validate_python(document | {"speed": 3})


def test_the_unions_stand_in_a_model_of_a_project() -> None:
    class Job(BaseModel):
        saver: ml.SaverKind
        loader: ml.LoaderKind
        register_: ml.RegisterKind

    job = Job.model_validate(
        {
            "saver": {"KIND": "MunimentSaver"},
            "loader": {"KIND": "BuiltinLoader"},
            "register_": {"KIND": "MunimentRegister"},
        }
    )
    assert isinstance(job.saver, ml.MunimentSaver)


@pytest.mark.parametrize("base", [ml.Saver, ml.Loader, ml.Register])
def test_the_bases_are_abstract(base: type[Any]) -> None:
    with pytest.raises(TypeError, match="abstract"):
        base(KIND="Mine")


@pytest.mark.parametrize(
    ("adapter", "document", "where", "said"),
    [
        (SAVERS, {"KIND": "PickleSaver"}, (), "CustomSaver"),
        (SAVERS, {}, (), "KIND"),
        (SAVERS, {"KIND": "MunimentSaver", "flavor": "cobol"}, ("flavor",), "Use one of xgboost"),
        (SAVERS, {"KIND": "MunimentSaver", "path": " "}, ("path",), "is no path"),
        (SAVERS, {"KIND": "MunimentSaver", "path": 3}, ("path",), "valid string"),
        (SAVERS, {"KIND": "BuiltinSaver"}, ("flavor",), "required"),
        (SAVERS, {"KIND": "BuiltinSaver", "flavor": "../os"}, ("flavor",), "pattern"),
        (LOADERS, {"KIND": "MunimentLoader", "trust": "yes"}, ("trust",), "valid boolean"),
        (LOADERS, {"KIND": "MunimentLoader", "trust": 1}, ("trust",), "valid boolean"),
        (LOADERS, {"KIND": "CustomLoader", "input_schema": "Inputs"}, ("input_schema",), "module"),
        (LOADERS, {"KIND": "MunimentLoader", "module": "a:b c"}, ("module",), "module"),
        (REGISTERS, {"KIND": "MlflowRegister", "tags": {"n": 1}}, ("tags", "n"), "valid string"),
        (REGISTERS, {"KIND": "MlflowRegister", "tags": {"": "x"}}, ("tags",), "tag key"),
        (REGISTERS, {"KIND": "MunimentRegister", "tags": {"a\n": "x"}}, ("tags",), "tag key"),
        (REGISTERS, {"KIND": "MunimentRegister", "tags": {"k" * 251: "x"}}, ("tags",), "250"),
        (
            REGISTERS,
            {"KIND": "MunimentRegister", "tags": {"k": "x" * 100_001}},
            ("tags",),
            "100000",
        ),
        (
            REGISTERS,
            {"KIND": "MunimentRegister", "tags": {"k": "\0"}},
            ("tags",),
            "can't be stored",
        ),
        (REGISTERS, {"KIND": "MunimentRegister", "tags": ["k"]}, ("tags",), "valid dict"),
    ],
    ids=lambda v: str(v)[:60],
)
def test_wrong_configuration_is_refused_with_the_place(
    adapter: TypeAdapter[Any], document: dict[str, Any], where: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ValidationError, match=said) as refused:
        adapter.validate_python(document)
    place = refused.value.errors()[0]["loc"]
    assert place[len(place) - len(where) :] == where


def test_a_place_in_a_module_is_imported() -> None:
    assert imported("muniment.ml.savers:Saver.save") is ml.Saver.save
    for place in ("no.such.module:Net", "muniment.ml:Net"):
        with pytest.raises(ConfigurationError, match="can't be imported"):
            imported(place)


def test_what_muniment_ml_offers_is_there() -> None:
    assert sorted(ml.__all__) == ml.__all__
    assert all(getattr(ml, name) for name in ml.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = ml.Nothing
