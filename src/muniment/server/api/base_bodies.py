"""What all request bodies are made of: strict types, closed, limits that the domain checks."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from muniment.domain import names

# The domain says more clearly what a tag or param may be than a union of types does.
Scalar: TypeAlias = Annotated[str | int | float | bool, SkipValidation]
ScalarOrNull: TypeAlias = Annotated[str | int | float | bool | None, SkipValidation]


def _limit(**keywords: int) -> Any:
    """Document a limit that the domain checks."""
    return Field(json_schema_extra=dict(keywords))


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [fields]})


class Body(BaseModel):
    """Strict, and closed."""

    model_config = ConfigDict(extra="forbid", strict=True)


Text: TypeAlias = Annotated[str, _limit(maxLength=names.MAX_TEXT_CHARS)]
Description: TypeAlias = Annotated[str, _limit(maxLength=names.MAX_DESCRIPTION_CHARS)]
Label: TypeAlias = Annotated[str, _limit(maxLength=names.MAX_LABEL_CHARS)]
Name: TypeAlias = Annotated[str, _limit(minLength=1, maxLength=names.MAX_NAME_CHARS)]
Sha256: TypeAlias = Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-f]{64}$"})]
Size: TypeAlias = Annotated[int, _limit(minimum=0, maximum=names.MAX_BLOB_BYTES)]
Number: TypeAlias = Annotated[int, Field(ge=1, lt=10**18)]
