"""`make reconcile` and `make prove`, on a month that was charged at the stand-in through Stripe's own SDK."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from infra.operate.__main__ import main
from infra.operate.answers import Format, give
from infra.operate.exits import UnfitError
from infra.operate.prove.command import proved
from infra.operate.reconcile.command import compared
from infra.operate.stacks import Deployed
from tests.examples import ENVIRONMENT
from tests.integration.month_at_stripe import CATALOGUE, END, MonthAtStripe
from tests.integration.test_reconciling import in_the_bill, in_the_row
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import overage_name
from tollkeeper.settings import Settings


@pytest.fixture
def month(sandbox: Sandbox) -> MonthAtStripe:
    """Ada's busy month, charged and final."""
    return MonthAtStripe(sandbox).charged()


def stack(month: MonthAtStripe) -> Deployed:
    """Return the deployed stack whose month it is."""
    settings = replace(Settings.from_environment(ENVIRONMENT), deployment="live")
    return Deployed(settings, month.table, month.sandbox.stripe, month.stripe, CATALOGUE, month.clock)


def reconcile(of: Deployed, form: Format = Format.TEXT) -> int:
    """Run the command."""
    return give(compared(of), form)


def prove_period(of: Deployed, user_id: str, start: datetime, form: Format = Format.TEXT) -> int:
    """Run the command."""
    return give(proved(of, user_id, start), form)


def test_where_all_agrees_the_command_says_so(
    month: MonthAtStripe, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit code 0, and without a terminal."""
    assert 0 == reconcile(stack(month))
    said = capsys.readouterr().out
    assert "1 closed periods: 1 agree, 0 are on their way to an invoice, 0 drift" in said


def test_drift_is_shown_by_its_name(month: MonthAtStripe, capsys: pytest.CaptureFixture[str]) -> None:
    """With what was expected and what was found, and the exit code 1."""
    in_the_bill(month)
    assert 1 == reconcile(stack(month))
    said = capsys.readouterr().out
    assert "row_differs_from_charges" in said
    assert "20 for 200 cents" in said


def test_what_stripe_sells_otherwise_is_shown(
    month: MonthAtStripe, capsys: pytest.CaptureFixture[str]
) -> None:
    """As what `make stripe-apply` would do about it."""
    month.api.products.update(overage_name("exports"), {"name": "Something else"})
    assert 1 == reconcile(stack(month))
    assert "! Stripe does not hold the catalogue as applied: " in capsys.readouterr().out


def test_decisions_are_shown_and_are_no_drift(
    month: MonthAtStripe, capsys: pytest.CaptureFixture[str]
) -> None:
    """A credit note, say."""
    asked: Any = {"invoice": month.renewal().id, "amount": 500, "refund_amount": 500}
    month.api.credit_notes.create(asked)
    assert 0 == reconcile(stack(month))
    assert "500 cents credited on" in capsys.readouterr().out


def test_what_would_change_overage_is_said(month: MonthAtStripe, capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code 1, for somebody expects something else of it."""
    month.api.coupons.create(
        {"percent_off": 50, "name": "HALF", "applies_to": {"products": [overage_name("exports")]}}
    )
    assert 1 == reconcile(stack(month))
    assert "! the coupon HALF is for overage, whose lines take no discount" in capsys.readouterr().out


def test_a_period_is_proved_with_its_arithmetic(
    month: MonthAtStripe, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the row, the charge and the line."""
    assert 0 == prove_period(stack(month), "ada", START)
    said = capsys.readouterr().out
    assert "1 records: 60 = 60" in said
    assert "10 × $0.50 = $5.00" in said
    assert "Records, row, charges and lines are one number." in said


def test_what_differs_fails_the_proof(month: MonthAtStripe, capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code 1."""
    in_the_row(month)
    assert 1 == prove_period(stack(month), "ada", START)
    assert "! exports: the records come to 60, the row says 99" in capsys.readouterr().out


def test_a_period_that_is_not_there_is_said(month: MonthAtStripe, capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code 2, as what is no instant."""
    with pytest.raises(UnfitError, match="has no period that starts at"):
        prove_period(stack(month), "ada", END.replace(second=8))
    assert 2 == main(["prove", "ada", "yesterday"])
    assert "no instant such as" in capsys.readouterr().err


def test_a_program_reads_the_same(month: MonthAtStripe, capsys: pytest.CaptureFixture[str]) -> None:
    """What agrees and what does not, as JSON and as CSV."""
    in_the_bill(month)
    assert 1 == reconcile(stack(month), Format.JSON)
    said = json.loads(capsys.readouterr().out)
    assert 1 <= said["drift"]
    assert "row_differs_from_charges" in {each["what"] for each in said["findings"]}
    prove_period(stack(month), "ada", START, Format.CSV)
    first, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("subscription,start,end,plan,metric,records,total,row")
    assert any(",exports,1,60,60,10,10,500," in row for row in rows)
