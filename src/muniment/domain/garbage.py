"""What a garbage collection found and did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from muniment.domain.values import Json, JsonObject, as_object


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """Counts of one collection; with `dry_run`, what it would have done.

    `purged_versions` were deleted longer ago than the restore window; `blobs` and `bytes` were
    stored and needed by nobody; `uploads` were begun and never finished.
    """

    dry_run: bool
    purged_versions: int = 0
    manifests: int = 0
    blobs: int = 0
    bytes: int = 0
    uploads: int = 0
    kept_blobs: int = 0
    kept_bytes: int = 0

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "dry_run": self.dry_run,
            "purged_versions": self.purged_versions,
            "manifests": self.manifests,
            "blobs": self.blobs,
            "bytes": self.bytes,
            "uploads": self.uploads,
            "kept_blobs": self.kept_blobs,
            "kept_bytes": self.kept_bytes,
        }

    @classmethod
    def from_json(cls, value: Json) -> GarbageReport:
        """Read what `to_json` wrote."""
        v = as_object(value, "a garbage report")
        return cls(
            dry_run=bool(v["dry_run"]),
            **{key: cast(int, v[key]) for key in v if key != "dry_run"},
        )
