"""What the command line of adopting refuses before it has read anything."""

from pathlib import Path

import pytest

from infra.operate.__main__ import main


@pytest.mark.parametrize("by", ["user_id", "metadata:", "email:a@example.com"])
def test_a_key_of_metadata_is_named_as_such(by: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And the answer shows how."""
    assert 2 == main(["adopt", "--by", by])
    assert "such as metadata:user_id" in capsys.readouterr().err


@pytest.mark.parametrize("product", ["prod_1", "prod_1=free", "prod_1=gold", "=starter"])
def test_a_product_is_sold_as_a_plan_of_the_catalogue(
    product: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer names those that are sold."""
    assert 2 == main(["adopt", "--by", "metadata:user", "--product", product])
    assert "starter, professional" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_stops_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before AWS or Stripe is asked."""
    assert 2 == main(["adopt", "--csv", str(tmp_path / "users.csv")])
    assert "users.csv cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("said", [[], ["--by", "metadata:user", "--csv", "users.csv"]])
def test_whose_customers_are_is_said_once(said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """By metadata or by a file."""
    assert 2 == main(["adopt", *said])
    assert "--by metadata:KEY (BY=…), or --csv FILE" in capsys.readouterr().err
