"""Step packs: builders that other distributions bring along.

A distribution registers its builders as entry points of the group `muniment.pipelines.steps`:

    [project.entry-points."muniment.pipelines.steps"]
    ScoringStep = "acme_steps.scoring:ScoringStepBuilder"
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from muniment.pipelines.builders import StepBuilder
from muniment.pipelines.errors import InvalidPipeline

GROUP: Final = "muniment.pipelines.steps"

_OURS: Final = {
    "CradleDataLoadStep": "data_loading:CradleDataLoadingStepBuilder",
    "CreatePytorchModelStep": "model_creation:CreatePytorchModelStepBuilder",
    "MIMSPackagingStep": "packaging:MIMSPackagingStepBuilder",
    "MIMSPayloadStep": "payload:MIMSPayloadStepBuilder",
    "ModelRegistrationStep": "registration:ModelRegistrationStepBuilder",
    "TabularPreprocessingStep": "preprocessing:TabularPreprocessingStepBuilder",
    "XGBoostTrainingStep": "xgboost_training:XGBoostTrainingStepBuilder",
}


def installed_step_builders() -> dict[str, type[StepBuilder[Any]]]:
    """Return all builders that are installed, ours among them: a `step_builder_map`.

    Raises:
        InvalidPipeline: two packs use one name, or an entry point leads to no builder.
    """
    found: dict[str, type[StepBuilder[Any]]] = {}
    origins: dict[str, str] = {}
    for entry in sorted(_entries(), key=lambda entry: entry.name):
        if entry.name in found:
            raise InvalidPipeline(
                f"{entry.value} and {origins[entry.name]} are both installed as {entry.name!r}; "
                f"names in {GROUP} must be unique."
            )
        found[entry.name] = _builder(entry)
        origins[entry.name] = entry.value
    return found


def _entries() -> Iterator[EntryPoint]:
    for name, place in _OURS.items():
        yield EntryPoint(name, f"muniment.pipelines.steps.{place}", GROUP)
    yield from {(entry.name, entry.value): entry for entry in entry_points(group=GROUP)}.values()


def _builder(entry: EntryPoint) -> type[StepBuilder[Any]]:
    try:
        builder = entry.load()
    except (ImportError, AttributeError) as error:
        raise InvalidPipeline(
            f"The entry point {entry.name} = {entry.value} of {GROUP} can't be loaded: {error}."
        ) from error
    if not (isinstance(builder, type) and issubclass(builder, StepBuilder)):
        raise InvalidPipeline(
            f"The entry point {entry.name} = {entry.value} of {GROUP} is no step builder; "
            "it must be a subclass of StepBuilder."
        )
    return builder
