"""A version: what it is made of, what is known and said of it, how to use it, what to do next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from starlette.responses import Response

from muniment.domain.comments import MAX_COMMENT_CHARS, Comment
from muniment.domain.entities import ModelVersion
from muniment.domain.lineage import Edge, NodeKind
from muniment.domain.manifest import Manifest
from muniment.errors import InvalidInput, MunimentError, NotFound
from muniment.server.context import context_of
from muniment.server.web.badges import badges
from muniment.server.web.evidence import consumers, deltas
from muniment.server.web.frame import Visit, number_in, web_routes
from muniment.server.web.headline import headline_of
from muniment.server.web.markdown import card, safe_link
from muniment.server.web.next_step import next_step
from muniment.server.web.telling import told
from muniment.server.web.use import ways
from muniment.server.web.words import model_path
from muniment.services import Services

PRODUCTION: Final = "Production"
_FILES: Final = 12
_SHOWN: Final = 100  # metrics, params, variables; the API has all of them
_EDGES: Final = 12
_COMMENTS: Final = 50
_HAPPENED: Final = 8


async def show(visit: Visit, fault: MunimentError | None = None) -> Response:
    """Show a version."""
    name, number = visit.params["name"], number_in(visit)
    values = await visit.wait_for(partial(_gathered, visit, name, number))
    return await visit.page("version", values, fault=fault)


def _gathered(visit: Visit, name: str, number: int) -> dict[str, object]:
    services, token = visit.services, visit.asked.get("page_token") or None
    model, version = services.catalog.model(name), services.catalog.version(name, number)
    manifest = None if version.digest is None else services.artifacts.manifest(name, number)
    files = () if manifest is None else manifest.files
    there = services.catalog.newest_in_stages([model], [PRODUCTION]).get(name, [])
    other = next((held for held in there if held.version != number), None)
    checks, may = services.checks.results(name, number), services.lifecycle.verbs(name)
    waiting = services.checks.waiting(name, number)
    said = services.comments.comments(
        name, version=number, everything=True, page_size=_COMMENTS, page_token=token
    )
    return {
        "model": model,
        "version": version,
        "card": card(version.description) if version.description else "",
        "run_link": safe_link(version.run_link),
        "badges": badges(version, checks, services.provenance.signatures(name, number), waiting),
        "waiting": waiting,
        "may_check": version.digest is not None and context_of(visit.request).ports.runs_checks,
        "checks": [(check, safe_link(check.url)) for check in checks],
        "next_step": next_step(services, model, version, waiting),
        "ways": ways(visit, version, _main_file(manifest)) if version.status == "READY" else [],
        "other": other,
        "deltas": deltas(model.tags, version, other)[:_SHOWN],
        "headline": headline_of(model.tags, [version]),
        "params": sorted(version.params.items())[:_SHOWN],
        "sides": _sides(version),
        "most": _SHOWN,
        "files": files[:_FILES],
        "edges": [_origin(edge) for edge in services.lineage.edges(name, number)[:_EDGES]],
        "deployments": services.deployments.users_of(name, number).deployments,
        "consumers": consumers(services, version),
        "comments": [(comment, services.comments.may_change(comment)) for comment in said.items],
        "next_token": said.next_token,
        "comment_chars": MAX_COMMENT_CHARS,
        "happened": services.catalog.history(name, version=number, page_size=_HAPPENED).items,
        "aliases": services.catalog.aliases(name),
        "may": may,
        "told": told,
    }


def _main_file(manifest: Manifest | None) -> str | None:
    """Return the largest file: most likely the model itself."""
    if manifest is None:
        return None
    return max(manifest.files, key=lambda file: file.size).path


def _sides(version: ModelVersion) -> list[tuple[str, Sequence[object], int]]:
    """Return what goes in and what comes out: some variables each, and how many there are."""
    if version.signature is None:
        return []
    sides = (("Input", version.signature.inputs), ("Output", version.signature.outputs))
    return [(title, variables[:_SHOWN], len(variables)) for title, variables in sides]


def _origin(edge: Edge) -> dict[str, str]:
    """Return how an edge is shown: the relation, the node's name, and where its link leads."""
    node = edge.node
    name, _, number = node.name.rpartition("/")
    ours = node.kind is NodeKind.VERSION and number.isdecimal()
    return {
        "relation": edge.relation.value.replace("_", " "),
        "kind": node.kind.value,
        "name": node.name or node.id,
        "page": model_path(name, number) if ours else "",
        "link": "" if ours else safe_link(node.uri),
    }


# -- what the forms of the page do ---------------------------------------------------------------


async def act(visit: Visit) -> Response:
    """Do what a form of the page asks for; show the page again if that is refused."""
    name, number = visit.params["name"], number_in(visit)
    action = visit.form.get("action", "")
    try:
        do = _ACTIONS.get(action)
        if do is None:
            raise InvalidInput("The form does not say what to do.", hint="Use one of its buttons.")
        said = await visit.wait_for(partial(do, visit.services, name, number, visit.form))
    except NotFound:
        raise
    except MunimentError as fault:
        if action == "restore":
            raise  # a deleted version has no page
        return await show(visit, fault)
    gone = action == "delete"
    path = model_path(name) + "?deleted=1" if gone else model_path(name, number)
    return visit.lead_on(path, said)


def _comment(services: Services, name: str, number: int, form: Mapping[str, str]) -> str:
    text = form.get("text", "").replace("\r\n", "\n")
    services.comments.add(name, text, version=number)
    return "Your comment stands below."


def _delete_comment(services: Services, name: str, number: int, form: Mapping[str, str]) -> str:
    services.comments.delete(_own(services, name, number, form).id)
    return "The comment was taken back."


def _own(services: Services, name: str, number: int, form: Mapping[str, str]) -> Comment:
    """Return the comment that a form names; it must be about this version."""
    text = form.get("comment", "")
    found = services.comments.comment(int(text) if text.isdecimal() and len(text) < 19 else 0)
    if (found.model, found.version) != (name, number):
        raise NotFound(f"There is no comment {text!r:.30} on {name!r:.200}/{number}.")
    return found


def _check(services: Services, name: str, number: int, form: Mapping[str, str]) -> str:
    chosen = services.checks.request(name, number)
    return (
        f"Running soon: {', '.join(chosen)}." if chosen else "The workspace has chosen no checks."
    )


def _set_alias(services: Services, name: str, number: int, form: Mapping[str, str]) -> str:
    alias = form.get("alias", "").strip().removeprefix("@")
    services.catalog.set_alias(name, alias, number)
    return f"@{alias} points here now."


def _delete_alias(services: Services, name: str, number: int, form: Mapping[str, str]) -> str:
    alias = form.get("alias", "")
    services.catalog.delete_alias(name, alias, expect=number)
    return f"@{alias} is gone."


def _delete(services: Services, name: str, number: int, form: Mapping[str, str]) -> str:
    services.catalog.delete_version(name, number, force=form.get("force") == "yes")
    return f"Version {number} was deleted. It can be restored here."


def _restore(services: Services, name: str, number: int, form: Mapping[str, str]) -> str:
    services.catalog.restore_version(name, number)
    return f"Version {number} is back."


_Action = Callable[[Services, str, int, Mapping[str, str]], str]
_ACTIONS: Final[Mapping[str, _Action]] = {
    "check": _check,
    "comment": _comment,
    "delete-comment": _delete_comment,
    "set-alias": _set_alias,
    "delete-alias": _delete_alias,
    "delete": _delete,
    "restore": _restore,
}

routes: Final = web_routes("/models/{name}/{number}", get=show, post=act)
