"""The demo's fresh process: it knows nothing but an address and a reference.

    python -m muniment.demo.fresh REGISTRY REF FOLDER

Pulls the version into FOLDER, checks every file against the manifest with its own eyes, loads the
model, predicts on the held-out rows, writes the probabilities (float64, native order) to
`predictions.bin` in FOLDER, and prints what it did as one JSON object.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path

import muniment
from muniment.demo import digits

PREDICTIONS_FILE = "predictions.bin"


def main(address: str, ref: str, folder: Path) -> None:
    """Do what the module says."""
    with muniment.connect(address, progress=False) as registry:
        version = registry.version(ref)
        started = time.perf_counter()
        version.pull(to=folder)
        pulled = time.perf_counter() - started
        files = version.manifest().files
        match = [_sha256(folder / file.path) == file.digest for file in files]
        predictions = digits.predict(version.load(trust=True), digits.load())
    (folder / PREDICTIONS_FILE).write_bytes(predictions.tobytes())
    report = {
        "pid": os.getpid(),
        "version": version.version,
        "files": len(match),
        "bytes": version.size,
        "pull_seconds": pulled,
        "digests_match": all(match),
    }
    sys.stdout.write(json.dumps(report) + "\n")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
