"""Registering without MLflow: the folder of a `MunimentSaver` becomes a sealed version."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from muniment.client.entities import Version
from muniment.connecting import connect
from muniment.domain.names import check_model_name
from muniment.errors import Corrupt, InvalidInput, NotFound
from muniment.ml.descriptor import DESCRIPTOR, EXAMPLE, Descriptor
from muniment.ml.flavors import FLAVORS, check_flavor
from muniment.ml.registers.base import Register
from muniment.ml.uris import check_uri, folder_of


class MunimentRegister(Register):
    """Pushes a saved folder: each file for itself, only those that the registry lacks.

    `registry` is what `muniment.connect` takes: by default what the environment says.
    """

    KIND: Literal["MunimentRegister"] = "MunimentRegister"
    registry: str | None = None

    def register(self, name: str, model_uri: str) -> Version:
        """Register the folder at an address (`file:///…`, or a path); return the version, READY.

        Signature and framework stand in the version as the saver found them.

        Raises:
            InvalidInput: the name is none, or the address means no folder.
            NotFound: there is no saved model in it.
            Corrupt: files of the model are missing.
            Unreachable: nobody answers. In each case nothing was registered.
        """
        check_model_name(name)
        folder = _folder(model_uri)
        descriptor = _described(folder)
        with connect(self.registry) as registry:
            return registry.push(
                name,
                folder,
                tags=dict(self.tags),
                framework=FLAVORS[descriptor.flavor].framework,
                signature=descriptor.signature,
                source_uri="",
            )


def _folder(uri: str) -> Path:
    folder = folder_of(check_uri(uri))
    if folder is None and ("://" in uri or uri.startswith(("models:", "runs:"))):
        raise InvalidInput(
            f"{uri!r:.200} is no folder that a MunimentSaver made.",
            hint="Register its `model_uri`; MlflowRegister takes addresses of MLflow.",
        )
    return folder or Path(uri)


def _described(folder: Path) -> Descriptor:
    if not (folder / DESCRIPTOR).is_file():
        raise NotFound(
            f"There is no saved model at {str(folder)!r:.300}: {DESCRIPTOR} is missing.",
            hint="Save one there by a MunimentSaver first.",
        )
    descriptor = Descriptor.parse((folder / DESCRIPTOR).read_bytes())
    check_flavor(descriptor.flavor)
    wanted = [*descriptor.files, *([EXAMPLE] if descriptor.container else [])]
    for file in wanted:
        if not (folder / file).is_file():
            raise Corrupt(
                f"{str(folder)!r:.300} lacks {file!r:.200}, which its {DESCRIPTOR} names.",
                hint="Save the model once more.",
            )
    return descriptor
