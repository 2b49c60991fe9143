"""What every register is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from pydantic import Field

from muniment.ml.configuration import Configured, Tags


class Version(Protocol):
    """What is known of a registered version, whoever registered it."""

    @property
    def version(self) -> int | str:
        """Its number."""


class Register(Configured, ABC):
    """Registers saved models; `tags` are set on each version: text to text, within our limits."""

    tags: Tags = Field(default_factory=dict)

    @abstractmethod
    def register(self, name: str, model_uri: str) -> Version:
        """Register the model at an address under a name, which is made if there is none.

        Raises:
            InvalidInput: name or address are malformed, or there is no model at the address.
            NotFound, Unreachable: as they say. In each case nothing was registered.
        """
