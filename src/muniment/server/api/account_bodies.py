"""Request bodies about users, tokens and grants; see `bodies`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, TypeAlias

from pydantic import Field

from muniment.domain import access, names
from muniment.domain.access import Role, Verb
from muniment.server.api import examples
from muniment.server.api.base_bodies import Body, Label, _example, _limit
from muniment.services.access.access import EVERYWHERE
from muniment.services.access.administration import MAX_TOKEN_LIFETIME
from muniment.services.access.passwords import MAX_CHARS, MIN_CHARS

UserName: TypeAlias = Annotated[str, _limit(minLength=1, maxLength=128)]
RoleName: TypeAlias = Annotated[str, Field(json_schema_extra={"enum": [*Role]})]
VerbName: TypeAlias = Annotated[str, Field(json_schema_extra={"enum": [*Verb]})]
Pattern: TypeAlias = Annotated[str, _limit(minLength=1, maxLength=500)]
Secret: TypeAlias = Annotated[str, Field(json_schema_extra={"format": "password"}, repr=False)]


class SignIn(Body):
    """Name and password of a person."""

    model_config = _example(name="ada", password="…")  # noqa: S106  # an ellipsis

    name: UserName
    password: Secret


class PasswordChange(Body):
    """The present password, and the one to be."""

    model_config = _example(old="…", new="…")

    old: Secret
    new: Annotated[Secret, _limit(minLength=MIN_CHARS, maxLength=MAX_CHARS)]


class NewUser(Body):
    """A user to be; with `role`, they also get a grant of it in `workspace` (`*`: in all)."""

    model_config = _example(name="ada", display_name="Ada Lovelace", role="approver")

    name: UserName
    service: bool = False
    display_name: Label = ""
    role: RoleName | None = None
    workspace: Annotated[str, _limit(minLength=1, maxLength=63)] = EVERYWHERE

    def to_role(self) -> Role | None:
        """Return the role as the domain knows it. Raises InvalidInput."""
        return None if self.role is None else access.parse_role(self.role)


class Grant(Body):
    """A role or some verbs, limited to objects whose names fit patterns (`*`, `?`)."""

    model_config = _example(verbs=["alias.move"], models="fraud-*", alias="champion")

    role: RoleName | None = None
    verbs: list[VerbName] | None = None
    models: Pattern = "*"
    alias: Pattern = "*"
    stage: Pattern = "*"
    tag: Annotated[str, _limit(maxLength=500)] = ""

    def to_grant(self) -> access.Grant:
        """Return it as the domain knows it. Raises InvalidInput."""
        fields = self.model_dump(mode="json", include=set(Grant.model_fields))
        return access.Grant.from_json(fields)


class NewGrant(Grant):
    """A grant to be: who holds it, and in which workspace (null: this one; `*`: all)."""

    model_config = _example(
        subject="user:ada", verbs=["alias.move"], models="fraud-*", alias="champion"
    )

    subject: Annotated[str, _limit(minLength=1, maxLength=512)]
    workspace: Annotated[str, _limit(minLength=1, maxLength=63)] | None = None


class NewToken(Body):
    """A token to be, for oneself unless `user` names another; `expires_in` is in seconds."""

    model_config = _example(
        description="CI of the fraud team",
        expires_in=7_776_000,
        automation=True,
        scopes=[{"role": "contributor", "models": "fraud-*"}],
    )

    user: UserName | None = None
    description: Annotated[str, _limit(maxLength=names.MAX_LABEL_CHARS)] = ""
    expires_in: Annotated[float, Field(gt=0, le=MAX_TOKEN_LIFETIME.total_seconds())] | None = None
    automation: bool = False
    scopes: list[Grant] | None = None

    def to_lifetime(self) -> timedelta | None:
        """Return how long it is to live."""
        return None if self.expires_in is None else timedelta(seconds=self.expires_in)

    def to_scopes(self) -> list[access.Grant] | None:
        """Return its limits as the domain knows them. Raises InvalidInput."""
        return None if self.scopes is None else [scope.to_grant() for scope in self.scopes]


class Pruning(Body):
    """How old, in seconds, entries of the audit log are that are cut off; a day at least."""

    model_config = _example(older_than=examples.YEAR)

    older_than: Annotated[float, Field(ge=0, le=10_000_000_000)]
