"""Changing subscriptions that go on: previews, updates, schedules.

See docs.stripe.com/billing/subscriptions/pending-updates and …/subscriptions/subscription-schedules.
"""

from typing import TYPE_CHECKING

import stripe

from tollkeeper.rules.subscriptions import Status
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.gateway import objects
from tollkeeper.stripe.gateway.errors import keyed, translated
from tollkeeper.stripe.gateway.prices import PricesGateway
from tollkeeper.stripe.port import ChangePreview, PendingPayment

if TYPE_CHECKING:
    from stripe.params import (
        InvoiceCreatePreviewParamsSubscriptionDetails,
        InvoiceCreatePreviewParamsSubscriptionDetailsItem,
        SubscriptionScheduleUpdateParamsPhase,
        SubscriptionScheduleUpdateParamsPhaseDiscount,
        SubscriptionScheduleUpdateParamsPhaseItem,
        SubscriptionUpdateParams,
    )

INTENTS = ["payments.data.payment.payment_intent"]

NOTHING_FOLLOWS = "invoice_upcoming_none"
"""Stripe's code for the preview of a subscription that will not be billed again."""


class SubscriptionChangesGateway(PricesGateway):
    """The port's SubscriptionChanges."""

    def preview_change(self, subscription_id: str, plan: str, *, now: bool) -> ChangePreview:
        """Preview the invoice of the proration, and the next bill without one."""
        subscription = self._retrieved(subscription_id)
        item: InvoiceCreatePreviewParamsSubscriptionDetailsItem = {
            "id": self._base(subscription).id,
            "price": self._price_of(plan),
        }
        due_now = 0
        if now and subscription.status != Status.TRIALING:
            due_now = self._change_preview(
                subscription_id, {"items": [item], "proration_behavior": "always_invoice"}
            ).amount_due
        try:
            following = self._change_preview(
                subscription_id, {"items": [item], "proration_behavior": "none"}
            ).total
        except StripeRefusedError as error:
            if getattr(error.__cause__, "code", None) != NOTHING_FOLLOWS:
                raise
            following = 0
        return ChangePreview(due_now, following)

    def change_plan(self, subscription_id: str, plan: str, key: str) -> None:
        """Swap the base item's price, prorated and invoiced at once."""
        item = self._base(self._retrieved(subscription_id))
        self._update(
            subscription_id,
            {
                "items": [{"id": item.id, "price": self._price_of(plan)}],
                "proration_behavior": "always_invoice",
                "payment_behavior": "pending_if_incomplete",
            },
            f"{key}-change",
        )

    def pending_payment(self, subscription_id: str) -> PendingPayment | None:
        """Read the latest invoice of a subscription with a pending update: it is that update's."""
        subscription = self._retrieved(subscription_id)
        if subscription.pending_update is None or subscription.latest_invoice is None:
            return None
        with translated():
            invoice = self._client.v1.invoices.retrieve(str(subscription.latest_invoice), {"expand": INTENTS})
        payments = invoice.payments.data if invoice.payments else []
        intents = [each.payment.payment_intent for each in payments if "payment_intent" in each.payment]
        asked = any(
            isinstance(each, stripe.PaymentIntent) and each.status == "requires_action" for each in intents
        )
        return PendingPayment(invoice.hosted_invoice_url, asked)

    def schedule_plan(self, subscription_id: str, plan: str, key: str) -> None:
        """Make a schedule of the subscription as it is, and give it a second phase."""
        subscription = self._retrieved(subscription_id)
        if subscription.schedule is None:
            with keyed():
                self._client.v1.subscription_schedules.create(
                    {"from_subscription": subscription_id}, {"idempotency_key": f"{key}-create"}
                )
            subscription = self._retrieved(subscription_id)
        schedule = subscription.schedule
        if not isinstance(schedule, stripe.SubscriptionSchedule) or schedule.current_phase is None:
            return  # Stripe has repeated an old answer, of a schedule that is over
        base, price = self._base(subscription), self._price_of(plan)
        start = schedule.current_phase.start_date
        present = next(phase for phase in schedule.phases if phase.start_date == start)
        phases: list[SubscriptionScheduleUpdateParamsPhase] = [
            {**_phase(present), "start_date": start, "end_date": base.current_period_end},
            {**_phase(present, base.price.id, price), "duration": {"interval": "month"}},
        ]
        if subscription.status == Status.TRIALING and subscription.trial_end:
            phases[0]["trial_end"] = subscription.trial_end
        with keyed():
            self._client.v1.subscription_schedules.update(
                schedule.id,
                {"phases": phases, "end_behavior": "release", "proration_behavior": "none"},
                {"idempotency_key": f"{key}-update"},
            )

    def release_schedule(self, subscription_id: str, key: str) -> None:
        """Release the schedule; if Stripe refuses, look whether somebody else has."""
        subscription = self._retrieved(subscription_id)
        schedule = subscription.schedule
        if subscription.ended_at is not None or not isinstance(schedule, stripe.SubscriptionSchedule):
            return
        try:
            with keyed():
                self._client.v1.subscription_schedules.release(
                    schedule.id, {}, {"idempotency_key": f"{key}-release"}
                )
        except StripeRefusedError:
            if self._retrieved(subscription_id).schedule is not None:
                raise

    def cancel_at_period_end(self, subscription_id: str, key: str) -> None:
        """Set what flexible billing mode shows as `cancel_at` too, unless it is set."""
        if not self._retrieved(subscription_id).cancel_at_period_end:
            self._update(subscription_id, {"cancel_at_period_end": True}, f"{key}-cancel")

    def resume_subscription(self, subscription_id: str, key: str) -> None:
        """Undo the field that was set: by us, or by the portal, which sets the other one."""
        subscription = self._retrieved(subscription_id)
        if subscription.cancel_at_period_end:
            self._update(subscription_id, {"cancel_at_period_end": False}, f"{key}-resume")
        elif subscription.cancel_at is not None:
            self._update(subscription_id, {"cancel_at": ""}, f"{key}-resume-at")

    def _retrieved(self, subscription_id: str) -> stripe.Subscription:
        with translated():
            return self._client.v1.subscriptions.retrieve(subscription_id, {"expand": ["schedule"]})

    def _update(self, subscription_id: str, params: "SubscriptionUpdateParams", key: str) -> None:
        try:
            with keyed():
                self._client.v1.subscriptions.update(subscription_id, params, {"idempotency_key": key})
        except StripeRefusedError:
            self._price_ids.clear()  # perhaps one of them is sold no more
            raise

    def _change_preview(
        self, subscription_id: str, details: "InvoiceCreatePreviewParamsSubscriptionDetails"
    ) -> stripe.Invoice:
        with translated():
            return self._client.v1.invoices.create_preview(
                {"subscription": subscription_id, "subscription_details": details}
            )

    def _base(self, of: stripe.Subscription) -> stripe.SubscriptionItem:
        return objects.base_item(of, self._plans)

    def _price_of(self, plan: str) -> str:
        return self._price_id(self._catalogue.plans[plan].price_lookup_key)


def _phase(
    of: stripe.SubscriptionSchedule.Phase, price: str = "", by: str = ""
) -> "SubscriptionScheduleUpdateParamsPhase":
    """Return a phase as it is, with its discounts and taxes, but with one price replaced by another."""
    items: list[SubscriptionScheduleUpdateParamsPhaseItem] = []
    for each in of["items"]:
        own = each.price if isinstance(each.price, str) else each.price.id
        item: SubscriptionScheduleUpdateParamsPhaseItem = {"price": by if own == price else own}
        if (quantity := getattr(each, "quantity", None)) is not None:
            item["quantity"] = quantity
        items.append(item)
    phase: SubscriptionScheduleUpdateParamsPhase = {"items": items, "proration_behavior": "none"}
    discounts: list[SubscriptionScheduleUpdateParamsPhaseDiscount] = [
        {"discount": str(each.discount)} for each in of.discounts if each.discount
    ]
    if discounts:
        phase["discounts"] = discounts
    rates = [
        each if isinstance(each, str) else each.id for each in getattr(of, "default_tax_rates", None) or ()
    ]
    if rates:
        phase["default_tax_rates"] = rates
    return phase
