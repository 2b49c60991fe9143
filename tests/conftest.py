"""What every test stands on: no settings from the developer's shell, and no silent skips on CI."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

OUR_SETTINGS = ("MUNIMENT_", "REGISTRY_", "MONGODB_", "MINIO_")
pytest_plugins = (
    "tests.parts.mongodb",
    "tests.parts.passwords",
    "tests.parts.postgres",
    "tests.parts.s3",
)
ON_CI = os.environ.get("CI") == "true"

# At import, so that session fixtures and the servers they start see it too.
for name in [name for name in os.environ if name.startswith(OUR_SETTINGS)]:
    if not name.startswith("MUNIMENT_TEST_"):  # these say where real parts are
        del os.environ[name]
os.environ["MUNIMENT_GIT"] = "off"  # else every push would note the commit of this repository
os.environ["MUNIMENT_CHECKS_EVERY"] = "0"  # else servers check, beside the tests, what is pushed

# A slow machine is no failure. On CI, hypothesis loads its own profile, which says the same.
settings.register_profile("local", deadline=None)
if not ON_CI:
    settings.load_profile("local")


@pytest.fixture(autouse=True)
def what_mlflow_exports_goes() -> Iterator[None]:
    """MLflow tells its experiment to programs that are started later, by its environment.

    Those of other tests have their own server, which knows no such experiment.
    """
    before = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
    yield
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        if name not in before:
            del os.environ[name]
    os.environ.update(before)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let one choose where the tests of services run."""
    parser.addoption(
        "--places",
        choices=("embedded", "spread", "all"),
        default="spread",
        help="where tests of services run: on SQLite and a folder alone; each on one of the other "
        "eight places, too (spread); or each on all nine",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """On CI nothing may be missing, so a skipped test fails the run; `-ra` prints the reasons."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if ON_CI and reporter and reporter.stats.get("skipped"):
        reporter.ensure_newline()
        reporter.write_line("A test was skipped; on CI that fails the run.", red=True)
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
