"""What the classic client sends and gets: one model file with its metadata."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["ModelMetadata", "UploadResponse"]


class ModelMetadata(BaseModel):
    """What there is to say about a model file that is uploaded.

    `name` and `version` together name it, once and for ever; `id` and `file_extension` make its
    file name; `storage_group` is a label to sort models by. `metrics`, `parameters` and `tags`
    hold whatever JSON can hold.
    """

    model_config = ConfigDict(
        extra="forbid",
        ser_json_inf_nan="constants",  # parameters may be NaN, as scikit-learn's and xgboost's are
        json_schema_extra={
            "examples": [
                {
                    "id": "model123",
                    "name": "example_model",
                    "version": "1.0.0",
                    "file_extension": "pkl",
                    "storage_group": "ml-models",
                    "description": "Example model",
                    "framework": "scikit-learn",
                    "metrics": {"accuracy": 0.95},
                    "parameters": {"n_estimators": 100},
                    "tags": {"type": "classification"},
                }
            ]
        },
    )

    id: str
    name: str
    version: str
    file_extension: str
    storage_group: str
    description: str | None = None
    framework: str | None = None
    metrics: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    tags: dict[str, Any] = {}


class UploadResponse(BaseModel):
    """What became of an upload: `metadata_id` is what the other calls ask for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message": "Model uploaded.",
                    "metadata_id": "0b9d6d0f1a2c4e5f8a7b6c5d4e3f2a1b",
                    "storage_path": "example_model/1.0.0/model123.pkl",
                    "storage_group": "ml-models",
                    "id": "model123",
                    "name": "example_model",
                    "version": "1.0.0",
                }
            ]
        },
    )

    message: str
    metadata_id: str
    storage_path: str
    storage_group: str
    id: str
    name: str
    version: str
