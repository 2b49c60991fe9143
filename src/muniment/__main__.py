"""`python -m muniment` is the `muniment` command."""

from __future__ import annotations

import sys

from muniment.cli import main

sys.exit(main())
