"""Build or fetch what tests need and no package has, so that no test waits for it: `make parts`."""

from __future__ import annotations

import time

from tests.parts.accessibility import fetched
from tests.parts.built import built
from tests.parts.s3 import MINIO

for name, package in (("deployment", "."), ("ferretdb", "."), ("minio", MINIO)):
    began = time.monotonic()
    program = built(name, package)
    print(f"{name}: {program.stat().st_size >> 20} MiB, {time.monotonic() - began:.0f} s")
print(f"axe-core: {fetched().stat().st_size >> 10} KiB")
