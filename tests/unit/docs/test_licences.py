"""What ships in the layer may be shipped."""

import re
from importlib.metadata import version

from infra.licences import page, shipped
from tests.unit.docs.documents import text


def test_the_page_says_what_is_locked() -> None:
    """`make licences` writes it, from the packages that `sam build` would install."""
    assert page() == text("docs/licences.md")
    assert [] == [(name, locked) for name, locked, _ in shipped() if locked != version(name)]


def test_each_licence_is_known_and_asks_for_no_source() -> None:
    """No package without one, and none whose terms reach whoever deploys the layer."""
    assert [] == [name for name, _, licence in shipped() if not licence]
    assert [] == [name for name, _, licence in shipped() if re.search(r"GPL|Affero|SSPL|BUSL", licence)]
