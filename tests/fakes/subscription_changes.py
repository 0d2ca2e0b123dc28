"""Changes of Stripe's subscriptions as the port has them, in memory: what is pending, scheduled, to end."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from tollkeeper.catalogue import load
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.port import ChangePreview, PendingPayment

CATALOGUE = load()


@dataclass
class Wallet:
    """What becomes of payments for upgrades: they succeed, unless they are declined or the bank asks."""

    declines: bool = False
    asks: bool = False
    attempts: list[str] = field(default_factory=list)

    @property
    def pays(self) -> bool:
        """Whether a payment succeeds."""
        return not (self.declines or self.asks)


class FakeSubscriptionChanges:
    """The port's SubscriptionChanges, of a Stripe account that pays by a `wallet`.

    `scheduled` are the subscriptions under a schedule, with the plan that follows, None where it has but one
    phase. `pending` are the plans of pending updates. `decided` are the changes that took effect, in words.
    """

    now: datetime
    held: list[Subscription]
    _once: Callable[[str, str, str, object, Callable[[], None]], None]
    _answer: Callable[[], None]

    def __init__(self) -> None:
        self.wallet = Wallet()
        self.scheduled: dict[str, str | None] = {}
        self.pending: dict[str, str] = {}
        self.decided: list[str] = []

    # The port.

    def preview_change(self, subscription_id: str, plan: str, *, now: bool) -> ChangePreview:
        """Reckon by the second, as Stripe does."""
        self._answer()
        of = self._living(subscription_id)
        left = (of.period_end - self.now) / (of.period_end - of.period_start)
        price = CATALOGUE.plans[plan].price
        due = round(left * price) - round(left * CATALOGUE.plans[of.plan].price)
        is_free_now = not now or of.status is Status.TRIALING
        return ChangePreview(0 if is_free_now else max(0, due), price if of.renews else 0)

    def change_plan(self, subscription_id: str, plan: str, key: str) -> None:
        """Change it, or leave it pending where the payment fails."""

        def effect() -> None:
            of = self._living(subscription_id)
            self.pending.pop(subscription_id, None)
            if of.plan == plan:
                return
            if of.status is not Status.TRIALING:
                self.wallet.attempts.append(plan)
                if not self.wallet.pays:
                    self.pending[subscription_id] = plan
                    return
            self._become(subscription_id, plan=plan)

        self._once("change_plan", subscription_id, f"{key}-change", plan, effect)

    def pending_payment(self, subscription_id: str) -> PendingPayment | None:
        """Return what is pending."""
        self._answer()
        self._living(subscription_id)
        if subscription_id not in self.pending:
            return None
        return PendingPayment("https://pay.test/pending", self.wallet.asks)

    def schedule_plan(self, subscription_id: str, plan: str, key: str) -> None:
        """Make a schedule, then give it a phase: two calls."""
        self._answer()
        if subscription_id not in self.scheduled:
            self._once(
                "schedule",
                subscription_id,
                f"{key}-create",
                None,
                lambda: self._begin_schedule(subscription_id),
            )
        if subscription_id in self.scheduled:
            self._once(
                "schedule_plan",
                subscription_id,
                f"{key}-update",
                plan,
                lambda: self._give_phase(subscription_id, plan),
            )

    def release_schedule(self, subscription_id: str, key: str) -> None:
        """Release it, if it is under one."""
        self._answer()
        if subscription_id in self.scheduled:
            self._once(
                "release", subscription_id, f"{key}-release", None, lambda: self._release(subscription_id)
            )

    def cancel_at_period_end(self, subscription_id: str, key: str) -> None:
        """Note that it ends with its period."""
        self._answer()
        if self._living(subscription_id).cancel_at is not None:
            return

        def effect() -> None:
            of = self._free(subscription_id)
            self._become(subscription_id, cancel_at=of.period_end)

        self._once("cancel_later", subscription_id, f"{key}-cancel", None, effect)

    def resume_subscription(self, subscription_id: str, key: str) -> None:
        """Note that it does not end."""
        self._answer()
        if self._living(subscription_id).cancel_at is None:
            return

        def effect() -> None:
            self._free(subscription_id)
            self._become(subscription_id, cancel_at=None)

        self._once("resume", subscription_id, f"{key}-resume", None, effect)

    def _begin_schedule(self, subscription_id: str) -> None:
        if subscription_id in self.scheduled:
            raise StripeRefusedError("it is under a schedule already")
        self._living(subscription_id)
        self.scheduled[subscription_id] = None
        self.decided.append("schedule")

    def _give_phase(self, subscription_id: str, plan: str) -> None:
        if subscription_id not in self.scheduled:
            raise StripeRefusedError("the schedule is released")
        self.scheduled[subscription_id] = plan
        self.pending.pop(subscription_id, None)
        self._become(subscription_id, pending_plan=plan)

    def _release(self, subscription_id: str) -> None:
        if self.scheduled.pop(subscription_id, "released") == "released":
            raise StripeRefusedError("the schedule is released")
        self._become(subscription_id, pending_plan=None)

    def _free(self, subscription_id: str) -> Subscription:
        if subscription_id in self.scheduled:
            raise StripeRefusedError("the subscription is managed by its schedule")
        return self._living(subscription_id)

    def _living(self, subscription_id: str) -> Subscription:
        found = next((each for each in self.held if each.id == subscription_id), None)
        if found is None or found.ended_at:
            raise StripeRefusedError(f"No such subscription: {subscription_id}")
        return found

    def _become(self, subscription_id: str, **to: object) -> None:
        of = self._living(subscription_id)
        self.held[self.held.index(of)] = replace(of, **to)  # type: ignore[arg-type]
        self.decided.append(" ".join(f"{name} {value}" for name, value in to.items()))
