"""Request bodies about lineage: of versions that are there, and of those just being made."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from muniment.domain import lineage
from muniment.server.api import lifecycle_examples as examples
from muniment.server.api.base_bodies import Body, Scalar, Text, _example


class Node(Body):
    """What a version came from; a version is named by a reference or by its uuid."""

    model_config = _example(**examples.NODE)

    kind: Annotated[str, Field(json_schema_extra={"enum": [*lineage.NodeKind]})]
    id: Text = ""
    name: Text = ""
    uri: Text = ""
    digest: Text = ""
    properties: dict[str, Scalar] = Field(default={})


class NewEdge(Body):
    """A version came from `node`; without a relation, in the way that is usual for its kind."""

    model_config = _example(node=examples.NODE, relation="trained_on", source="mlflow")

    node: Node
    relation: Annotated[str, Field(json_schema_extra={"enum": ["", *lineage.Relation]})] = ""
    source: Text = ""

    def to_node(self) -> lineage.Node:
        """Return the node as the domain knows it. Raises InvalidInput."""
        # What is no property is the domain's to refuse; the framework need not warn of it.
        return lineage.Node.from_json(self.node.model_dump(warnings=False))

    def to_origin(self) -> lineage.Origin:
        """Return what a new version comes from. Raises InvalidInput."""
        node = self.to_node()
        return lineage.Origin(node, lineage.relation_to(node.kind, self.relation), self.source)
