"""Upgrades that are not paid at once: cards that decline, banks that ask, and bills that are open."""

from datetime import timedelta

import pytest

from tests.integration.decisions.ada import ASKS, DECLINES, END, GOOD, HALF, Ada
from tests.standin.harness import START
from tollkeeper.rules.subscriptions import Status
from tollkeeper.subscriptions.errors import AuthenticationRequiredError, PaymentDueError, PaymentFailedError


def test_upgrade_with_a_declining_card_leaves_the_old_plan(ada: Ada) -> None:
    """The answer says where to pay; paid there, the upgrade holds."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.pay_with(DECLINES)
    with pytest.raises(PaymentFailedError) as refused:
        ada.change("professional")
    pending = ada.invoices()[0]
    assert ("starter", 1_000, pending.hosted_invoice_url, "open") == (
        ada.shown.plan,
        ada.shown.limits["apiCalls"],
        refused.value.page,
        pending.status,
    )
    ada.sandbox.stripe.v1.invoices.pay(pending.id, {"payment_method": GOOD})
    ada.hear()
    assert ("professional", 10_000) == (ada.shown.plan, ada.shown.limits["apiCalls"])


def test_another_try_with_a_new_card_is_a_new_decision(ada: Ada) -> None:
    """It is made under a key of its own, and what was pending is void."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.pay_with(DECLINES)
    with pytest.raises(PaymentFailedError):
        ada.change("professional")
    ada.pay_with(GOOD)
    ada.change("professional")
    assert ("professional", ["paid", "void", "paid"]) == (
        ada.shown.plan,
        [each.status for each in ada.invoices()],
    )


def test_an_unpaid_upgrade_expires(ada: Ada) -> None:
    """The pending update is Stripe's, and so is its end."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.pay_with(DECLINES)
    with pytest.raises(PaymentFailedError):
        ada.change("professional")
    ada.move(START + HALF + timedelta(days=1))
    assert ("starter", "void", None) == (
        ada.shown.plan,
        ada.invoices()[0].status,
        ada.at_stripe().pending_update,
    )


@pytest.mark.parametrize("succeeds", [True, False])
def test_upgrade_that_must_be_authenticated(ada: Ada, *, succeeds: bool) -> None:
    """The old plan stays until the customer has confirmed; who fails to, keeps it."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.pay_with(ASKS)
    with pytest.raises(AuthenticationRequiredError) as asked:
        ada.change("professional")
    invoice = ada.invoices()[0]
    assert ("starter", invoice.hosted_invoice_url) == (ada.shown.plan, asked.value.page)
    path = f"/_sandbox/invoices/{invoice.id}/authenticate"
    ada.sandbox.http.post(path, json={"succeeds": succeeds}).raise_for_status()
    ada.hear()
    assert ("professional" if succeeds else "starter") == ada.shown.plan
    if not succeeds:
        with pytest.raises(AuthenticationRequiredError):
            ada.change("professional")
        assert ["open", "void", "paid"] == [each.status for each in ada.invoices()]


def test_a_declined_change_under_the_callers_key_is_not_tried_again(ada: Ada) -> None:
    """The same request gets the same answer, and the card is charged once."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.pay_with(DECLINES)
    for _ in range(2):
        with pytest.raises(PaymentFailedError):
            ada.change("professional", "key-1")
    assert ["open", "paid"] == [each.status for each in ada.invoices()]


def test_what_is_owed_goes_first(ada: Ada) -> None:
    """Nobody changes their plan while an invoice of a renewal is open; cancelling stays possible."""
    ada.subscribe("starter")
    ada.pay_with(DECLINES)
    ada.move(END + timedelta(hours=2))
    with pytest.raises(PaymentDueError) as refused:
        ada.change("professional")
    assert ada.invoices()[0].hosted_invoice_url == refused.value.page
    assert Status.PAST_DUE is ada.cancel()
