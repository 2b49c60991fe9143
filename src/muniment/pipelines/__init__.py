"""Pipelines: from training in SageMaker into the registry.

    from muniment.pipelines import PipelineDAG, PipelineBuilderTemplate, ModelRegistrationConfig

Everything is imported when it is first asked for; only what makes steps needs the SageMaker SDK.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muniment.domain.entities import VariableType
    from muniment.pipelines.builders import ProcessingStepBuilder, StepBuilder
    from muniment.pipelines.configs import ProcessingStepConfig, StepConfig
    from muniment.pipelines.contracts import Container, ScriptContract
    from muniment.pipelines.dag import PipelineDAG
    from muniment.pipelines.errors import InvalidPipeline
    from muniment.pipelines.packs import installed_step_builders
    from muniment.pipelines.plan import Plan
    from muniment.pipelines.references import (
        StringLikeWrapper,
        check_no_placeholder,
        validation_scope,
        with_string_references,
    )
    from muniment.pipelines.registration_step import MimsModelRegistrationProcessingStep
    from muniment.pipelines.resolver import UnifiedDependencyResolver
    from muniment.pipelines.sdk.session import OfflinePipelineSession
    from muniment.pipelines.specifications import (
        DependencySpec,
        DependencyType,
        NodeType,
        OutputSpec,
        StepSpecification,
    )
    from muniment.pipelines.steps.data_loading import (
        CradleDataLoadingConfig,
        CradleDataLoadingStepBuilder,
    )
    from muniment.pipelines.steps.model_creation import (
        CreatePytorchModelConfig,
        CreatePytorchModelStepBuilder,
    )
    from muniment.pipelines.steps.packaging import MIMSPackagingConfig, MIMSPackagingStepBuilder
    from muniment.pipelines.steps.payload import MIMSPayloadConfig, MIMSPayloadStepBuilder
    from muniment.pipelines.steps.preprocessing import (
        TabularPreprocessingConfig,
        TabularPreprocessingStepBuilder,
    )
    from muniment.pipelines.steps.registration import (
        REGISTRATION_SPEC,
        ModelRegistrationConfig,
        ModelRegistrationStepBuilder,
    )
    from muniment.pipelines.steps.xgboost_training import (
        XGBoostTrainingConfig,
        XGBoostTrainingStepBuilder,
    )
    from muniment.pipelines.template import PipelineBuilderTemplate

__all__ = [
    "REGISTRATION_SPEC",
    "Container",
    "CradleDataLoadingConfig",
    "CradleDataLoadingStepBuilder",
    "CreatePytorchModelConfig",
    "CreatePytorchModelStepBuilder",
    "DependencySpec",
    "DependencyType",
    "InvalidPipeline",
    "MIMSPackagingConfig",
    "MIMSPackagingStepBuilder",
    "MIMSPayloadConfig",
    "MIMSPayloadStepBuilder",
    "MimsModelRegistrationProcessingStep",
    "ModelRegistrationConfig",
    "ModelRegistrationStepBuilder",
    "NodeType",
    "OfflinePipelineSession",
    "OutputSpec",
    "PipelineBuilderTemplate",
    "PipelineDAG",
    "Plan",
    "ProcessingStepBuilder",
    "ProcessingStepConfig",
    "ScriptContract",
    "StepBuilder",
    "StepConfig",
    "StepSpecification",
    "StringLikeWrapper",
    "TabularPreprocessingConfig",
    "TabularPreprocessingStepBuilder",
    "UnifiedDependencyResolver",
    "VariableType",
    "XGBoostTrainingConfig",
    "XGBoostTrainingStepBuilder",
    "check_no_placeholder",
    "installed_step_builders",
    "validation_scope",
    "with_string_references",
]

_HOMES = {
    "muniment.domain.entities": ("VariableType",),
    "muniment.pipelines.builders": ("ProcessingStepBuilder", "StepBuilder"),
    "muniment.pipelines.configs": ("ProcessingStepConfig", "StepConfig"),
    "muniment.pipelines.contracts": ("Container", "ScriptContract"),
    "muniment.pipelines.dag": ("PipelineDAG",),
    "muniment.pipelines.errors": ("InvalidPipeline",),
    "muniment.pipelines.packs": ("installed_step_builders",),
    "muniment.pipelines.plan": ("Plan",),
    "muniment.pipelines.references": (
        "StringLikeWrapper",
        "check_no_placeholder",
        "validation_scope",
        "with_string_references",
    ),
    "muniment.pipelines.registration_step": ("MimsModelRegistrationProcessingStep",),
    "muniment.pipelines.resolver": ("UnifiedDependencyResolver",),
    "muniment.pipelines.sdk.session": ("OfflinePipelineSession",),
    "muniment.pipelines.specifications": (
        "DependencySpec",
        "DependencyType",
        "NodeType",
        "OutputSpec",
        "StepSpecification",
    ),
    "muniment.pipelines.steps.data_loading": (
        "CradleDataLoadingConfig",
        "CradleDataLoadingStepBuilder",
    ),
    "muniment.pipelines.steps.model_creation": (
        "CreatePytorchModelConfig",
        "CreatePytorchModelStepBuilder",
    ),
    "muniment.pipelines.steps.packaging": ("MIMSPackagingConfig", "MIMSPackagingStepBuilder"),
    "muniment.pipelines.steps.payload": ("MIMSPayloadConfig", "MIMSPayloadStepBuilder"),
    "muniment.pipelines.steps.preprocessing": (
        "TabularPreprocessingConfig",
        "TabularPreprocessingStepBuilder",
    ),
    "muniment.pipelines.steps.registration": (
        "REGISTRATION_SPEC",
        "ModelRegistrationConfig",
        "ModelRegistrationStepBuilder",
    ),
    "muniment.pipelines.steps.xgboost_training": (
        "XGBoostTrainingConfig",
        "XGBoostTrainingStepBuilder",
    ),
    "muniment.pipelines.template": ("PipelineBuilderTemplate",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'muniment.pipelines' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
