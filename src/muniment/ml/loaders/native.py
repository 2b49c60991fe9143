"""Loading without MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from muniment.client import formats
from muniment.client.registry import Registry
from muniment.connecting import connect
from muniment.domain.entities import ModelVersion
from muniment.domain.signatures import SignatureState
from muniment.errors import ConfigurationError, Corrupt, InvalidInput, MunimentError, NotFound
from muniment.ml.configuration import Place, imported
from muniment.ml.descriptor import DESCRIPTOR, EXAMPLE, SCHEMA, Descriptor
from muniment.ml.examples import read_example
from muniment.ml.flavors import FLAVORS, Flavor
from muniment.ml.flavors.pytorch import PytorchFlavor, built
from muniment.ml.loaders.base import Adapter, Loader
from muniment.ml.trust import Suspect, require_signature, require_trust, signed_only
from muniment.ml.uris import check_uri, folder_of, ref_of


@dataclass(frozen=True, slots=True)
class FlavoredModel(Adapter):
    """A model of one of our flavors, and the folder that it came from."""

    flavor: Flavor = FLAVORS["pickle"]
    folder: Path | None = None
    descriptor: Descriptor | None = None

    @property
    def input_example(self) -> Any:
        """The example that was saved with it, as it was given; None if there is none."""
        if self.folder is None or self.descriptor is None or self.descriptor.container is None:
            return None
        content = (self.folder / EXAMPLE).read_bytes()
        return read_example(content, self.descriptor.container, self.descriptor.signature)

    def _predict(self, inputs: Any) -> Any:
        if not self.flavor.predicts(self.model):
            raise InvalidInput(
                f"A {type(self.model).__qualname__} of the flavor {self.flavor.name!r} can't "
                "predict by itself.",
                hint="Use its `model`; for PyTorch, tell the loader the `module` to build.",
            )
        return self.flavor.predict(self.model, inputs)


class MunimentLoader(Loader):
    """Loads a version of a Muniment registry, or a folder that a `MunimentSaver` made.

    An address is `models:/fraud/3`, `models:/fraud@champion`, any reference of the client
    (`fraud/Production`), or a folder as `file:///…` or an absolute path. `registry` is what
    `muniment.connect` takes: by default what the environment says. `module` names what builds the
    `nn.Module` that a state dict of PyTorch goes into, such as `my_project.nets:Net`. `signed`
    loads only what a key that the workspace trusts has signed; so does MUNIMENT_SIGNED_ONLY in the
    environment, whatever the loader says.
    """

    KIND: Literal["MunimentLoader"] = "MunimentLoader"
    registry: str | None = None
    module: Place | None = None
    signed: bool = False

    def load(self, uri: str) -> FlavoredModel:
        """Return the model at an address; bytes are verified, and kept in the local cache.

        Raises:
            InvalidInput: the address is malformed, or nothing at it can be loaded.
            NotFound, Unreachable: as they say.
            PermissionDenied: reading it may run code, and not `trust`.
            ConfigurationError: a library is not installed.
            Corrupt: the files are not of their format.
        """
        folder = folder_of(check_uri(uri))
        signed = self.signed or signed_only()
        if folder is not None:
            if signed:  # signatures are kept by registries
                require_signature(str(folder), SignatureState.UNSIGNED, trust=self.trust)
            if not (folder / DESCRIPTOR).is_file():
                raise NotFound(
                    f"{str(folder)!r:.300} holds no {DESCRIPTOR}.",
                    hint="Name a folder that a MunimentSaver made.",
                )
            return self._of_folder(str(folder), folder, (folder / DESCRIPTOR).read_bytes(), None)
        ref = ref_of(uri)
        with connect(self.registry) as registry:
            version = registry.version(ref)
            if signed and not self.trust:
                state = registry.signatures(version).state
                require_signature(version.ref, state, trust=self.trust)
            manifest = registry.manifest(version)
            content = registry.read(version, DESCRIPTOR) if manifest.file(DESCRIPTOR) else None
            if content is None or not _is_ours(content):
                return self._of_push(registry, version, content)
            return self._of_folder(version.ref, registry.pull(version), content, version)

    def _of_folder(
        self, name: str, folder: Path, content: bytes, version: ModelVersion | None
    ) -> FlavoredModel:
        descriptor = Descriptor.parse(content)
        flavor = FLAVORS.get(descriptor.flavor)
        if flavor is None:
            raise InvalidInput(
                f"{name} is of the flavor {descriptor.flavor!r:.80}, which is not known here.",
                hint="A newer Muniment may know it.",
            )
        suspects = flavor.suspects(descriptor.details)
        build = self._building(flavor)
        signature = (version.signature if version else None) or descriptor.signature
        inputs, outputs = self._schemas()
        require_trust(name, folder, suspects, trust=self.trust)
        model = _read(flavor, folder, descriptor)
        return FlavoredModel(
            model if build is None else built(build(), model),
            signature,
            inputs,
            outputs,
            flavor,
            folder,
            descriptor,
        )

    def _of_push(
        self, registry: Registry, version: ModelVersion, content: bytes | None
    ) -> FlavoredModel:
        """Load what `registry.push` wrote, or a single file of a known kind."""
        stored = formats.find_object(registry.manifest(version), content)
        inputs, outputs = self._schemas()
        folder = registry.pull(version)
        if stored.format.runs_code:
            suspect = Suspect(f"{stored.format.name}: reading it runs code", stored.path)
            require_trust(version.ref, folder, [suspect], trust=self.trust)
        return FlavoredModel(stored.load(folder), version.signature, inputs, outputs)

    def _building(self, flavor: Flavor) -> Callable[[], Any] | None:
        """Return what builds the module, before anything is read."""
        if self.module is None:
            return None
        if not isinstance(flavor, PytorchFlavor):
            raise InvalidInput(
                f"`module` is for state dicts of PyTorch; this is of the flavor {flavor.name!r}.",
                hint="Leave it out.",
            )
        build = imported(self.module)
        if not callable(build):
            raise InvalidInput(f"{self.module!r} can't be called to build a module.")
        return build  # type: ignore[no-any-return]


def _is_ours(content: bytes) -> bool:
    """Say whether a saver wrote this `muniment.json`, and not `push`."""
    try:
        document = json.loads(content)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("schema") == SCHEMA


def _read(flavor: Flavor, folder: Path, descriptor: Descriptor) -> Any:
    try:
        return flavor.read(folder, descriptor.details)
    except MunimentError:
        raise
    except ImportError as error:
        raise ConfigurationError(
            f"The model can't be loaded: {error}.",
            hint=f"It was written with {descriptor.environment}; install what is missing.",
        ) from error
    except Exception as error:  # whatever a library raises at bytes that are not its own
        raise Corrupt(
            f"The model can't be read as {flavor.name}: {type(error).__name__}: {error}.",
            hint=f"It was written with {descriptor.environment}.",
        ) from error
