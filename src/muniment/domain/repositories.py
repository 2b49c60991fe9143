"""Addresses that people have set up, without what signs them in; commits, by such an address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from muniment.domain.lineage import Node, NodeKind
from muniment.domain.values import Value

_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^/@]*@)*(?P<rest>[^?#\s]+)[^\s]*", re.I
)
_SCP: Final = re.compile(r"(?:[^/@:\s]+@)?(?P<host>[\w.-]{2,}):(?P<path>[^\s@\\]+)")  # no C:\\…


def address_of(remote: str) -> str:
    """Return an address without credentials; "" for a folder or anything else.

    >>> address_of("https://ada:secret@example.com/team/fraud.git")
    'https://example.com/team/fraud.git'
    >>> address_of("git@example.com:team/fraud.git")
    'ssh://example.com/team/fraud.git'
    """
    if url := _URL.fullmatch(remote):
        return "" if url["scheme"].lower() == "file" else f"{url['scheme']}://{url['rest']}"
    if scp := _SCP.fullmatch(remote):
        return f"ssh://{scp['host']}/{scp['path'].lstrip('/')}"
    return ""


def commit_node(
    commit: str, repository: str = "", properties: Mapping[str, Value] | None = None
) -> Node:
    """Return a commit as something that a version came from."""
    return Node(
        NodeKind.COMMIT,
        f"{repository}@{commit}" if repository else commit,
        name=commit[:12],
        uri=repository,
        properties=properties or {},
    )
