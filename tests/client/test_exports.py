"""What can be imported from where, and what that drags in."""

from __future__ import annotations

import subprocess
import sys

import pytest

import muniment
import muniment.client

HEAVY = {
    "alembic", "fastapi", "fsspec", "httpx", "joblib", "numpy", "pydantic", "rich", "sklearn",
    "sqlalchemy", "starlette", "typer", "uvicorn",
}  # fmt: skip


def test_the_public_names_are_sorted_and_all_there() -> None:
    assert list(muniment.__all__) == sorted(muniment.__all__)
    assert all(getattr(muniment, name) is not None for name in muniment.__all__)
    assert set(muniment.__all__) <= set(dir(muniment))


def test_the_classic_client_is_found_beside_the_registry() -> None:
    assert list(muniment.client.__all__) == sorted(muniment.client.__all__)
    assert all(getattr(muniment.client, name) is not None for name in muniment.client.__all__)


@pytest.mark.parametrize("module", [muniment, muniment.client])
def test_an_unknown_name_is_an_attribute_error(module: object) -> None:
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        module.nope  # type: ignore[attr-defined]  # noqa: B018


def imported_by(code: str) -> set[str]:
    code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.returncode == 0, printed.stderr
    return set(printed.stdout.split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not imported_by("import muniment") & HEAVY


def test_the_registry_client_needs_no_http_client_until_it_is_given_a_url() -> None:
    assert not imported_by("import muniment; muniment.Registry; muniment.connect") & HEAVY


def test_a_client_of_a_server_loads_no_server_and_no_library_for_models() -> None:
    loaded = imported_by("import muniment; muniment.connect('http://127.0.0.1:1').close()")

    # httpx brings rich along for its own command, if rich is installed
    assert loaded & HEAVY <= {"httpx", "rich"}
