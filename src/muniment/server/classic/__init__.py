"""The classic API, `/api/classic`: a thin layer over the same services, for classic clients."""

from __future__ import annotations

from typing import Final

from muniment.server.classic.routes import router

__all__ = ["TAGS", "router"]

TAGS: Final = {"classic": "Single model files with their metadata, for classic clients."}
"""What the API reference says about it."""
