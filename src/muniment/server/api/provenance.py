"""Signatures on versions, the keys that are trusted, and exports for others to read."""

from __future__ import annotations

from functools import partial
from typing import Final

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from muniment.domain.filenames import attachment
from muniment.server.api import provenance_documents as documents
from muniment.server.api.answers import json_answer, list_answer
from muniment.server.api.openapi import Responses, answers
from muniment.server.api.parameters import Acting, KeyName, ModelName, SignatureId, VersionNumber
from muniment.server.api.routing import api_router
from muniment.server.context import context_of, wait_for
from muniment.server.streaming import read_ahead

router = api_router("provenance")

VERSION: Final = "/models/{name}/versions/{number}"
BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
CARD: Final = "text/markdown"
BOM: Final = "application/vnd.cyclonedx+json"
EVIDENCE: Final = "application/zip"


def _download(media_type: str, *errors: int) -> Responses:
    """Return the documentation of an export."""
    schema = {"type": "string"} if media_type == CARD else {"type": "object"}
    if media_type == EVIDENCE:
        schema = {"type": "string", "format": "binary"}
    content = {"description": "OK", "content": {media_type: {"schema": schema}}}
    return {**answers(None, 404, *errors), 200: content}


def _headers(filename: str) -> dict[str, str]:
    return {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": attachment(filename),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }


# -- signatures ----------------------------------------------------------------------------------


@router.get(
    f"{VERSION}/signatures",
    operation_id="listSignatures",
    summary="Is a version signed, and by whom?",
    responses=answers(documents.VersionSignatures, 404),
)
async def list_signatures(
    request: Request, name: ModelName, number: VersionNumber, services: Acting
) -> Response:
    """Return the signatures of a version, judged by the keys that the workspace trusts now."""
    look = partial(services.provenance.signatures, name, number)
    return json_answer((await wait_for(request, look)).to_json())


@router.post(
    f"{VERSION}/signatures",
    operation_id="addSignature",
    summary="File a signature",
    status_code=201,
    responses=answers(documents.VersionSignature, 404, 409, 415, 422, status=201),
)
async def add_signature(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    body: documents.NewSignature,
    services: Acting,
) -> Response:
    """File a bundle in the OpenSSF model-signing format with a version; again is fine.

    It must be about the version's files, every one of them; who made it need not be trusted yet.
    """
    add = partial(services.provenance.add_signature, name, number, body.bundle)
    return json_answer((await wait_for(request, add)).to_json(), status=201)


@router.get(
    f"{VERSION}/signatures/{{signature}}",
    operation_id="getBundle",
    summary="Download a signature",
    responses=_download(BUNDLE),
    response_class=Response,
)
async def get_bundle(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    signature: SignatureId,
    services: Acting,
) -> Response:
    """Return the bundle as it came, for `model_signing verify` and others."""
    look = partial(services.provenance.bundle, name, number, signature)
    headers = _headers(f"{name}-{number}.sigstore.json")
    return Response(await wait_for(request, look), headers=headers, media_type=BUNDLE)


@router.delete(
    f"{VERSION}/signatures/{{signature}}",
    operation_id="removeSignature",
    summary="Remove a signature",
    status_code=204,
    responses=answers(None, 404, status=204, description="It is gone."),
)
async def remove_signature(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    signature: SignatureId,
    services: Acting,
) -> Response:
    """Take a signature away. That it was there stays in the history."""
    await wait_for(request, partial(services.provenance.remove_signature, name, number, signature))
    return Response(status_code=204)


# -- exports -------------------------------------------------------------------------------------


@router.get(
    f"{VERSION}/card",
    operation_id="getCard",
    summary="Get the model card",
    responses=_download(CARD),
    response_class=Response,
)
async def get_card(
    request: Request, name: ModelName, number: VersionNumber, services: Acting
) -> Response:
    """Return Markdown with YAML on top, as the Hugging Face Hub reads it.

    A README.md among the files is taken over, and completed.
    """
    card = await wait_for(request, partial(services.provenance.card, name, number))
    return Response(card, headers=_headers("README.md"), media_type=CARD)


@router.get(
    f"{VERSION}/bom",
    operation_id="getBom",
    summary="Get the bill of materials",
    responses=_download(BOM),
    response_class=Response,
)
async def get_bom(
    request: Request, name: ModelName, number: VersionNumber, services: Acting
) -> Response:
    """Return a CycloneDX 1.6 document: the model, its files, data, packages and ancestors."""
    bom = await wait_for(request, partial(services.provenance.bom, name, number))
    return Response(bom, headers=_headers(f"{name}-{number}.cdx.json"), media_type=BOM)


@router.get(
    f"{VERSION}/evidence",
    operation_id="getEvidence",
    summary="Get the evidence pack",
    responses=_download(EVIDENCE, 409),
    response_class=StreamingResponse,
)
async def get_evidence(
    request: Request, name: ModelName, number: VersionNumber, services: Acting
) -> Response:
    """Return a zip of all that is known of a version, which `muniment verify` proves offline."""
    pieces = await wait_for(request, partial(services.provenance.evidence, name, number))
    return StreamingResponse(
        read_ahead(context_of(request).threads, pieces),
        media_type=EVIDENCE,
        headers=_headers(f"{name}-{number}-evidence.zip"),
    )


# -- keys ----------------------------------------------------------------------------------------


@router.get(
    "/keys",
    operation_id="listKeys",
    summary="Whose signatures are trusted?",
    responses=answers(documents.TrustedKeys),
)
async def list_keys(request: Request, services: Acting) -> Response:
    """Return the keys that the workspace trusts, by their names."""
    return list_answer(await wait_for(request, services.provenance.keys))


@router.put(
    "/keys/{key}",
    operation_id="trustKey",
    summary="Trust a key",
    responses=answers(documents.TrustedKey, 409, 412, 415),
)
async def trust_key(
    request: Request, key: KeyName, body: documents.NewKey, services: Acting
) -> Response:
    """Trust a public key, or whatever a certificate vouches for; again is fine.

    A name that another key has is not taken from it: remove that first.
    """
    trusted = await wait_for(request, partial(services.provenance.trust_key, key, body.pem))
    return json_answer(trusted.to_json())


@router.delete(
    "/keys/{key}",
    operation_id="dropKey",
    summary="Trust a key no more",
    status_code=204,
    responses=answers(None, 404, 412, status=204, description="It is trusted no more."),
)
async def drop_key(request: Request, key: KeyName, services: Acting) -> Response:
    """Remove a key: what it alone has signed is not verified from now on."""
    await wait_for(request, partial(services.provenance.drop_key, key))
    return Response(status_code=204)
