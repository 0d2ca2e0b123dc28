"""A stack, a browser, and pages that may load and run nothing they should not.

Collected only where Playwright is: `make test-browser` brings it into an environment of its own.
"""

from importlib.util import find_spec

import pytest

# What these assert is told in full, like what a test asserts.
pytest.register_assert_rewrite("tests.browser.people", "tests.browser.usage_page")

if find_spec("playwright") is None:
    collect_ignore_glob = ["*"]
else:
    from tests.browser.fixtures import browser, page
    from tests.e2e.deployed import callers, home, stack

    __all__ = ["browser", "callers", "home", "page", "stack"]
