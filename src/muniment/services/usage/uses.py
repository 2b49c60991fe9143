"""Consumers: who resolved and fetched which versions, as observed. See `observer`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from muniment.domain.access import Verb
from muniment.domain.deployments import Use
from muniment.services.base import Service, no_model
from muniment.services.pages import page_size_of

_SEARCHED: Final = 10_000
"""How many of the last uses are looked through for a caller who may not read all models."""


class Uses(Service):
    """What was observed, for one caller."""

    def uses(
        self,
        *,
        model: str | None = None,
        version: int | None = None,
        consumer: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Use]:
        """Return the last uses of a model's versions, or of all that the caller may read.

        Latest first. What happened in the last second may not be among them yet.

        Raises:
            NotFound: there is no such model.
            InvalidInput: `limit` is above 1,000 or below 1.
        """
        self._require(Verb.READ)
        most, model_id = page_size_of(limit, field="limit"), None
        if model is not None:
            found = self._store.model(self._key(model))
            if found is None:
                raise no_model(model)
            model_id = self._permitted(Verb.READ, found).id
        everything = model is not None or self._caller.principal.may_everywhere(Verb.READ)
        uses = self._store.uses(
            self._caller.workspace,
            model_id=model_id,
            version=version,
            consumer=consumer,
            since=since,
            limit=most if everything else _SEARCHED,
        )
        if everything:
            return uses
        readable = {name for name in {use.model for use in uses} if self._may_read(name)}
        return [use for use in uses if use.model in readable][:most]
