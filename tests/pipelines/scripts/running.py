"""Scripts, run as a container runs them: one file, by a Python of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from muniment.pipelines import scripts

FOLDER = Path(scripts.__file__).parent


@dataclass
class Container:
    """A folder that a script takes for /opt/ml."""

    opt_ml: Path

    def folder(self, path: str) -> Path:
        folder = self.opt_ml / path
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def run(
        self, script: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", str(FOLDER / script), *arguments],
            env={
                "PATH": os.environ["PATH"],
                "MUNIMENT_OPT_ML": str(self.opt_ml),
                "AWS_EC2_METADATA_DISABLED": "true",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
