"""What the local stack says of what it was deployed with."""

from pathlib import Path

import pytest

from infra.local.edition import AS_SHIPPED, Edition


@pytest.mark.parametrize(
    ("edition", "said"),
    [
        (AS_SHIPPED, "with the shipped catalogue"),
        (Edition(Path("mine.toml")), "with mine.toml"),
        (Edition(parameters={"UserClaim": "org_id"}), "with the shipped catalogue and UserClaim=org_id"),
    ],
)
def test_an_edition_says_in_what_it_differs(edition: Edition, said: str) -> None:
    """Its catalogue and its parameters, as they were given."""
    assert said == str(edition)
