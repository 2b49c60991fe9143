"""Where versions come from, provably: sign, signatures, keys, evidence, card, sbom."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from muniment.cli import provenance_pages, words
from muniment.cli.app import KEYS, LIFECYCLE, LOOK, command
from muniment.cli.session import Session, first_line
from muniment.domain.values import JsonObject
from muniment.errors import AlreadyExists, InvalidInput

Ref = Annotated[str, typer.Argument(metavar="REF", help="The version.")]
To = Annotated[Path | None, typer.Option(metavar="FILE", help="Write it here; else print it.")]
PasswordFile = Annotated[
    str | None,
    typer.Option(metavar="FILE|-", help="Holds the private key's password in its first line."),
]


@command(
    LIFECYCLE,
    "muniment sign fraud/3 --key key.pem",
    "muniment sign fraud/3 --key key.pem --certificate cert.pem --chain issuers.pem",
    "muniment sign fraud/3 --bundle model.sig",
    "muniment sign ./model --key key.pem --to model.sig",
)
def sign(
    session: Session,
    what: Annotated[
        str, typer.Argument(metavar="REF|FOLDER", help="A version; or, with --to, a folder.")
    ],
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The private key, a PEM file.")
    ] = None,
    password_file: PasswordFile = None,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its certificate, a PEM file.")
    ] = None,
    chain: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificates that vouch for that one.")
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File this signature, which somebody made already."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Sign a folder, and write the signature here: offline."),
    ] = None,
) -> None:
    """Sign a version, and file the signature with it.

    In the OpenSSF model-signing format: `model_signing verify` accepts it, and what `model_signing
    sign` made is accepted here. Nothing is downloaded: a version's manifest has all digests.
    """
    if (key is None) == (bundle is None):
        raise InvalidInput(
            "What shall sign it?",
            hint="--key FILE, a private key (`muniment keys generate` makes one), or --bundle.",
        )
    if bundle is not None:
        if to is not None:
            raise InvalidInput("--bundle is filed with a version, and --to is for a folder.")
        filed = session.registry.add_signature(what, bundle.read_bytes())
    elif key is not None and to is None:
        password = None if password_file is None else first_line(password_file)
        filed = session.registry.sign(
            what, key, password=password, certificate=certificate, chain=chain
        )
    elif key is not None and to is not None:
        password = None if password_file is None else first_line(password_file)
        _sign_folder(session, Path(what), key, password, certificate, chain, to)
        return
    document = filed.to_json()
    ref = f"{filed.signature.model}/{filed.signature.version}"
    by = f" by {filed.judgement.key}" if filed.judgement.key else ""
    session.out.said(document, str(filed.signature.id), f"Signed {ref}: {filed.state}{by}.")
    if not filed.judgement.key:
        session.out.hint("`muniment keys trust NAME key.pub` makes the workspace trust the key.")


@command(
    LOOK,
    "muniment signatures fraud/3",
    "muniment signatures fraud/3 --get 12 > model.sig",
    "muniment signatures fraud/3 --remove 12",
)
def signatures(
    session: Session,
    ref: Ref,
    get: Annotated[
        int | None, typer.Option(metavar="ID", help="Print this bundle, for model_signing.")
    ] = None,
    remove: Annotated[
        int | None, typer.Option(metavar="ID", help="Take this signature away.")
    ] = None,
) -> None:
    """List the signatures of a version, judged by the keys that the workspace trusts now."""
    if get is not None and remove is not None:
        raise InvalidInput("One thing at a time.", hint="--get or --remove.")
    if get is not None:
        _write(session, session.registry.bundle(ref, get).encode(), None)
    elif remove is not None:
        session.registry.remove_signature(ref, remove)
        document: JsonObject = {"signature": remove, "removed": True}
        session.out.said(document, str(remove), f"Removed the signature {remove}.")
    else:
        found = session.registry.signatures(ref)
        lines = [f"{one.signature.id} {one.state}" for one in found.items]
        session.out.document(found.to_json(), lines, provenance_pages.signatures(found.items))


@command(LOOK, "muniment card fraud/3", "muniment card fraud@champion --to README.md")
def card(session: Session, ref: Ref, to: To = None) -> None:
    """Write the model card of a version: Markdown, as the Hugging Face Hub reads it.

    A README.md among its files is taken over, and completed with what the registry knows.
    """
    _write(session, session.registry.card(ref).encode(), to)


@command(LOOK, "muniment sbom fraud/3 --to fraud.cdx.json")
def sbom(session: Session, ref: Ref, to: To = None) -> None:
    """Write the bill of materials of a version: CycloneDX 1.6, as JSON."""
    _write(session, session.registry.bom(ref), to)


@command(LOOK, "muniment evidence fraud/3 --to fraud-3.zip", "muniment verify fraud-3.zip")
def evidence(
    session: Session,
    ref: Ref,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it here; else NAME-N-evidence.zip.")
    ] = None,
) -> None:
    """Write all that is known of a version into one zip, which `muniment verify` proves offline.

    Manifest, signatures, checks, approvals, lineage, the whole history, model card and bill.
    """
    version = session.registry.version(ref)
    file = to or Path(f"{version.model}-{version.version}-evidence.zip")
    session.registry.evidence(version, file)
    size = file.stat().st_size
    done = f"Wrote the evidence of {version.ref} to {file} ({words.size(size)})."
    session.out.said({"file": str(file), "bytes": size}, str(file), done)
    session.out.hint(f"`muniment verify {file}` proves it, anywhere.")


@KEYS.command("muniment keys", "muniment keys ls -o json")
def ls(session: Session) -> None:
    """List the keys that the workspace trusts."""
    session.out.entities(session.registry.keys(), lambda key: key.name, provenance_pages.keys)


@KEYS.command(
    "muniment keys trust release release.pub", "muniment keys trust our-ca ca-certificate.pem"
)
def trust(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A public key, or a certificate, as PEM.")
    ],
) -> None:
    """Trust a public key, or whatever a certificate vouches for."""
    key = session.registry.trust_key(name, file.read_bytes())
    session.out.said(key.to_json(), key.name, f"The {key.kind.value} {key.name} is trusted now.")


@KEYS.command("muniment keys drop release")
def drop(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key.")],
) -> None:
    """Trust a key no more: what it alone has signed is not verified from now on."""
    session.registry.drop_key(name)
    session.out.said({"key": name, "dropped": True}, name, f"{name} is trusted no more.")


@KEYS.command(
    "muniment keys generate key.pem", "muniment keys generate key.pem --password-file secret"
)
def generate(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The private key goes here.")],
    password_file: PasswordFile = None,
) -> None:
    """Make a pair of keys: the private one, for you alone, and beside it the public one (.pub)."""
    from muniment.signing.keys import generate_key_pair, read_trusted

    public = file.with_suffix(".pub")
    if taken := next((one for one in (file, public) if one.exists()), None):
        raise AlreadyExists(f"There is a file {str(taken)!r} already.", hint="Name another one.")
    private_pem, public_pem = generate_key_pair(
        None if password_file is None else first_line(password_file)
    )
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(private_pem)
    public.write_bytes(public_pem)
    key_id = read_trusted(public_pem.decode())[1]
    document: JsonObject = {"private": str(file), "public": str(public), "id": key_id}
    session.out.said(document, str(file), f"Wrote {file} (keep it secret) and {public}.")
    session.out.hint(f"`muniment keys trust NAME {public}` makes the workspace trust it.")


def _sign_folder(
    session: Session,
    folder: Path,
    key: Path,
    password: str | None,
    certificate: Path | None,
    chain: Path | None,
    to: Path,
) -> None:
    from muniment.client.provenance import load_signing_key, manifest_of_folder
    from muniment.signing.judging import sign as signed

    if not folder.is_dir():
        raise InvalidInput(
            f"{str(folder)!r:.300} is no folder.",
            hint="--to signs a folder; a version is signed without it.",
        )
    signing_key = load_signing_key(key, password, certificate, chain)
    manifest = manifest_of_folder(folder, but=to)
    to.write_text(signed(manifest, folder.resolve().name, signing_key), encoding="utf-8")
    document: JsonObject = {"file": str(to), "files": len(manifest.files)}
    session.out.said(document, str(to), f"Signed {len(manifest.files):,} files; see {to}.")


def _write(session: Session, content: bytes, to: Path | None) -> None:
    """Write what programs read as it is: to a file, or to standard output in every form.

    On a terminal, what would steer it is escaped: a card came with the model's files.
    """
    if to is None:
        if sys.stdout.isatty():
            content = words.printable(content.decode("utf-8", "replace")).encode()
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    to.write_bytes(content)
    document: JsonObject = {"file": str(to), "bytes": len(content)}
    session.out.said(document, str(to), f"Wrote {to} ({len(content):,} bytes).")
