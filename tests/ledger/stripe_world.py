"""One customer's subscriptions at Stripe, which go on whether anybody hears of it or not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from tollkeeper.rules.invoices import Renewal
from tollkeeper.rules.subscriptions import Cause, Status, Subscription
from tollkeeper.stripe.port import ListedSubscription

MONTH = timedelta(days=30)


class World:
    """What is true at Stripe now, and the calls with which Tollkeeper asks for it.

    It answers for the user's present customer only: what an earlier one had is not seen any more.
    """

    def __init__(self, user_id: str, now: datetime) -> None:
        self.now = now
        self.held: list[Subscription] = []
        self.customer = "cus_1"
        self._user_id = user_id

    @property
    def live(self) -> list[Subscription]:
        """The subscriptions that live, the oldest first."""
        return [each for each in self.held if each.is_live]

    def pass_time(self, by: timedelta) -> None:
        """Let time pass: trials and periods end at their own time, and renew or end there."""
        self.now += by
        self.held = [_at(each, self.now) for each in self.held]

    def subscribe(self, plan: str, trial: timedelta) -> None:
        """Let the customer subscribe, with a trial or without."""
        begun = Subscription(
            id=f"sub_{len(self.held)}",
            customer_id=self.customer,
            plan=plan,
            status=Status.TRIALING if trial else Status.ACTIVE,
            created=self.now,
            period_start=self.now,
            period_end=self.now + (trial or MONTH),
            trial_end=self.now + trial if trial else None,
        )
        self.held.append(begun)

    def change(self, of: Subscription, **to: object) -> None:
        """Let something of a subscription be otherwise from now on."""
        self.held[self.held.index(of)] = replace(of, **to)  # type: ignore[arg-type]

    def move_trial_end(self, of: Subscription, end: datetime) -> None:
        """Let a trial end at another time; at once, if that is now: what is paid for begins then."""
        if end <= self.now:
            paid = {"status": Status.ACTIVE, "period_start": self.now, "period_end": self.now + MONTH}
            self.change(of, trial_end=self.now, **paid)
        else:
            self.change(of, trial_end=end, period_end=end)

    def end(self, of: Subscription, cause: Cause | None = None) -> None:
        """End a subscription now."""
        self.change(of, status=Status.CANCELED, ended_at=self.now, canceled_for=cause)

    def replace_customer(self) -> str:
        """Delete the customer with all they had, and make another; return who was deleted."""
        for each in self.live:
            self.end(each)
        deleted, self.customer = self.customer, f"{self.customer}_again"
        return deleted

    # What Tollkeeper asks.

    def renewal(self, subscription_id: str, ended_at: datetime) -> Renewal:
        """Nobody is charged here."""
        raise NotImplementedError(subscription_id, ended_at)

    def create_customer(self, user_id: str, replacing: str | None = None) -> str:
        """Nobody checks out here."""
        raise NotImplementedError(user_id, replacing)

    def has_customer(self, customer_id: str) -> bool:
        """Whether it is the present one."""
        return customer_id == self.customer

    def user_of(self, customer_id: str) -> str | None:
        """Return whose customer it is."""
        return self._user_id if customer_id.startswith("cus_1") else None

    def subscriptions_of(self, customer_id: str) -> list[Subscription]:
        """Return what the customer has and had, the newest first."""
        return [each for each in reversed(self.held) if each.customer_id == customer_id]

    def subscriptions(self, until: datetime | None = None) -> Iterator[ListedSubscription]:
        """Return what lives."""
        return (
            ListedSubscription(self._user_id, each.customer_id, each.created, each)
            for each in self.live
            if until is None or each.created <= until
        )

    def payment_page(self, subscription_id: str) -> str | None:
        """Return where it could be paid: nothing is ever due."""
        del subscription_id
        return None

    def cancel_subscription(self, subscription_id: str, cause: Cause) -> None:
        """End it now, unless it has ended."""
        for each in self.live:
            if each.id == subscription_id:
                self.end(each, cause)


def _at(of: Subscription, now: datetime) -> Subscription:
    while of.is_live and of.period_end <= now:
        if of.cancel_at and of.cancel_at <= of.period_end:
            return replace(of, status=Status.CANCELED, ended_at=of.period_end)
        status = Status.ACTIVE if of.status is Status.TRIALING else of.status
        of = replace(of, status=status, period_start=of.period_end, period_end=of.period_end + MONTH)
    return of
