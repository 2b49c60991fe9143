"""Public suites that prove an adapter of a port; run by pytest. Each module says how to use it.

They know no adapter, and nothing in Muniment imports them.
"""

import pytest

# So that a failed assertion of a suite shows its values, as those of test files do.
pytest.register_assert_rewrite(
    "muniment.storage.conformance.accounts",
    "muniment.storage.conformance.blobs",
    "muniment.storage.conformance.metadata",
    "muniment.storage.conformance.webhooks",
)
