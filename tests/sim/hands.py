"""People's hands at Stripe, in its Dashboard: nothing goes wrong there, and each is written down."""

from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any

import stripe as sdk

from tests.sim.house import House
from tests.sim.journal import Journal


class Hands:
    """Staff and customers at Stripe itself."""

    def __init__(self, house: House, journal: Journal, chance: Random) -> None:
        self._house = house
        self._journal = journal
        self._chance = chance
        self._api = house.stripe.client().v1

    def on_a_draft(self) -> None:
        """Take lines off a draft that holds overage, finalise it, or void what is open."""
        found = [
            each
            for each in self._house.stripe.account.all(sdk.Invoice)
            if each.status in {"draft", "open"} and any(_is_ours(line) for line in each.lines.data)
        ]
        if not found:
            return
        invoice = self._chance.choice(found)
        lines = [line for line in invoice.lines.data if _is_ours(line)]
        with suppress(sdk.StripeError):
            if invoice.status == "open":
                self._touch("void", invoice.id, lines)
                self._api.invoices.void_invoice(invoice.id)
            elif self._chance.random() < 0.4:
                self._touch("finalise", invoice.id, [])
                self._api.invoices.finalize_invoice(invoice.id)
            else:
                line = self._chance.choice(lines)
                self._touch("take off", invoice.id, [line])
                taken: Any = {"lines": [{"id": line.id, "behavior": "delete"}]}
                self._api.invoices.remove_lines(invoice.id, taken)

    def card(self, *, good: bool) -> None:
        """Give a customer another card, good or failing."""
        customers = [*self._house.stripe.account.all(sdk.Customer)]
        if not customers:
            return
        customer = self._chance.choice(customers).id
        with suppress(sdk.StripeError):
            name = "pm_card_visa" if good else "pm_card_chargeCustomerFail"
            method = self._api.payment_methods.attach(name, {"customer": customer})
            for each in self._house.stripe.account.all(sdk.Subscription):
                if each.customer == customer and each.status not in {"canceled", "incomplete_expired"}:
                    self._api.subscriptions.update(each.id, {"default_payment_method": method.id})
            self._journal.tell(self._house.now, f"{customer} has a {'good' if good else 'failing'} card")

    def card_expires(self) -> None:
        """Let a customer's card be one that expires with this month: the next charge is declined."""
        cards = [each for each in self._house.stripe.account.all(sdk.PaymentMethod) if each.card]
        if not cards:
            return
        card, now = self._chance.choice(cards), self._house.now
        with suppress(sdk.StripeError):
            expiry: Any = {"card": {"exp_month": now.month, "exp_year": now.year}}
            self._api.payment_methods.update(card.id, expiry)
            self._journal.tell(now, f"{card.id} of {card.customer} expires with {now:%B}")

    def pays_what_is_open(self) -> None:
        """Pay an invoice on its page."""
        found = [each for each in self._house.stripe.account.all(sdk.Invoice) if each.status == "open"]
        if found:
            invoice = self._chance.choice(found)
            with suppress(sdk.StripeError):
                self._api.invoices.pay(invoice.id)
                self._journal.tell(self._house.now, f"{invoice.id} is paid by hand")

    def second_subscription(self, user: str) -> None:
        """Sell somebody what they have already, by hand, in the Dashboard."""
        for each in self._house.stripe.account.all(sdk.Subscription):
            noted = each.metadata.to_dict() if each.metadata else {}
            if noted.get("userId") == user and each.status in {"active", "trialing"}:
                wanted: Any = {
                    "customer": each.customer,
                    "default_payment_method": each.default_payment_method,
                    "items": [{"price": each["items"].data[0].price.id}],
                    "metadata": noted,
                }
                with suppress(sdk.StripeError):
                    made = self._api.subscriptions.create(wanted)
                    self._journal.tell(self._house.now, f"{user} is sold {made.id} beside {each.id}")
                return

    def cancels(self, user: str) -> None:
        """End somebody's subscription at once, though a draft of it may wait."""
        for each in self._house.stripe.account.all(sdk.Subscription):
            noted = each.metadata.to_dict() if each.metadata else {}
            if noted.get("userId") == user and each.status in {"active", "past_due"}:
                with suppress(sdk.StripeError):
                    self._api.subscriptions.cancel(each.id)
                    self._journal.tell(self._house.now, f"{each.id} of {user} is cancelled at Stripe")
                return

    def moves_a_trial(self) -> None:
        """Let a trial end now or later."""
        now = int(self._house.now.timestamp())
        for each in self._house.stripe.account.all(sdk.Subscription):
            if each.status == "trialing":
                end: Any = self._chance.choice(["now", now + 86_400 * 2, now + 86_400 * 20])
                with suppress(sdk.StripeError):
                    self._api.subscriptions.update(each.id, {"trial_end": end, "proration_behavior": "none"})
                    self._journal.tell(self._house.now, f"the trial of {each.id} ends {end}")
                return

    def _touch(self, what: str, invoice: str, lines: list[sdk.InvoiceLineItem]) -> None:
        told = [
            {
                "user": noted["userId"],
                "metric": noted["eventType"],
                "start": datetime.fromtimestamp(line.period.start, UTC).isoformat(),
            }
            for line in lines
            if (noted := _noted(line))
        ]
        body = {"does": what, "invoice": invoice, "lines": told}
        self._journal.note(self._house.now, "a person at Stripe", body, {})


def _is_ours(line: sdk.InvoiceLineItem) -> bool:
    return "charge" in _noted(line)


def _noted(line: sdk.InvoiceLineItem) -> dict[str, str]:
    return line.metadata.to_dict() if line.metadata else {}
