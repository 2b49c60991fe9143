"""A pack of somebody else's: a distribution with an entry point, found on the path."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from muniment.pipelines import InvalidPipeline, installed_step_builders

MODULE = """
from muniment.pipelines import MIMSPackagingStepBuilder

class Builder(MIMSPackagingStepBuilder):
    pass

other = 7
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def pack(name: str, target: str) -> None:
        information = tmp_path / f"acme_{name}-1.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Name: acme-{name}\nVersion: 1\n")
        (information / "entry_points.txt").write_text(
            f"[muniment.pipelines.steps]\n{name} = {target}\n"
        )

    (tmp_path / "acme_steps.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield pack
    sys.modules.pop("acme_steps", None)


def test_a_pack_adds_its_builders_to_ours(install: Callable[..., None]) -> None:
    install("ScoringStep", "acme_steps:Builder")
    found = installed_step_builders()
    assert found["ScoringStep"].__module__ == "acme_steps"
    assert "ModelRegistrationStep" in found


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("MIMSPackagingStep", "acme_steps:Builder", "names in .* must be unique"),
        ("ScoringStep", "acme_steps:other", "is no step builder"),
        ("ScoringStep", "acme_steps:missing", "can't be loaded"),
        ("ScoringStep", "acme_nowhere:Builder", "can't be loaded"),
    ],
)
def test_a_pack_that_does_not_fit_is_named(
    install: Callable[..., None], name: str, target: str, said: str
) -> None:
    install(name, target)
    with pytest.raises(InvalidPipeline, match=said) as refused:
        installed_step_builders()
    assert target in str(refused.value)
