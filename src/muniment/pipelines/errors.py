"""What a pipeline's definition can have wrong."""

from __future__ import annotations

from muniment.errors import InvalidInput


class InvalidPipeline(InvalidInput, ValueError):
    """A configuration, specification, contract, graph or input breaks a rule.

    It is a ValueError, too, as Python's own refusals of values are.
    """
