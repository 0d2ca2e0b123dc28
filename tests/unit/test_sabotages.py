"""What `make sabotage` breaks is still there to be broken."""

import pytest

from infra.local.places import ROOT
from infra.local.sabotage import SABOTAGES, Sabotage


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.what)
def test_what_is_broken_stands_in_its_file_once(sabotage: Sabotage) -> None:
    """Whoever rewrites a line that is sabotaged sees it here, not at the next run of the sabotages."""
    assert 1 == (ROOT / sabotage.file).read_text().count(sabotage.right)
    assert sabotage.right != sabotage.wrong
