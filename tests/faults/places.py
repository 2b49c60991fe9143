"""Places where processes meet, as the variables that name them."""

from __future__ import annotations

from pathlib import Path

from tests.parts import mongodb, postgres
from tests.parts.s3 import S3Place, seaweedfs_at


def on_one_machine(folder: Path) -> dict[str, str]:
    """SQLite and a folder, which processes on one machine share."""
    return {"MUNIMENT_DATABASE": f"sqlite:///{folder}/m.db", "MUNIMENT_BLOBS": f"{folder}/blobs"}


def on_postgresql_and_s3(folder: Path) -> dict[str, str]:
    """PostgreSQL and SeaweedFS; needs the fixture `postgres`."""
    return variables_of(postgres.database_at(folder / "postgres"), seaweedfs_at(folder / "s3"))


def on_mongodb_and_s3(folder: Path) -> dict[str, str]:
    """A server of MongoDB's protocol, and SeaweedFS."""
    return variables_of(mongodb.database_at(folder / "mongodb"), seaweedfs_at(folder / "s3"))


def variables_of(database: str, blobs: S3Place) -> dict[str, str]:
    """Return the settings for a database and an object store."""
    return {
        "MUNIMENT_DATABASE": database,
        "MUNIMENT_BLOBS": blobs.url,
        "MUNIMENT_S3_ENDPOINT": blobs.options.endpoint,
        "MUNIMENT_S3_REGION": blobs.options.region,
        "MUNIMENT_S3_ACCESS_KEY_ID": blobs.options.access_key_id,
        "MUNIMENT_S3_SECRET_ACCESS_KEY": blobs.options.secret_access_key,
    }
