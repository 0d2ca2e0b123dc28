"""How a user changes their plan: up now, if that is paid, down from the period's end (DESIGN rule 7)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tollkeeper.catalogue import FREE
from tollkeeper.ledger.patience import Patience
from tollkeeper.rules.decisions import Choice, Wish
from tollkeeper.rules.overage import spent
from tollkeeper.rules.plan_changes import Effective, PlanChange, holds, plan_change
from tollkeeper.rules.subscriptions import Subscription
from tollkeeper.rules.users import User, period_at
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.subscriptions.deciding import Deciding
from tollkeeper.subscriptions.errors import (
    AuthenticationRequiredError,
    CancelInsteadError,
    ChangeRefusedError,
    PaymentFailedError,
    SamePlanError,
    SubscriptionEndingError,
    UnknownPlanError,
)


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """What a change would mean; amounts in cents.

    `next_total` is the next bill's as Stripe has it: `overage_so_far`, of the running period, comes on top.
    """

    effective: Effective
    at: datetime
    due_now: int
    next_total: int
    limits: Mapping[str, int]
    overage_so_far: int


@dataclass(frozen=True, slots=True)
class PlanChanges:
    """Shows what changes of plan would mean, and makes them."""

    deciding: Deciding

    def preview(self, user_id: str, plan: str, now: datetime) -> PlanPreview:
        """Return what a change would mean; nothing is changed by it.

        Raises:
            InvalidFieldError: there is no such plan to change to.
            NoSubscriptionError, SubscriptionEndedError, SubscriptionEndingError, PaymentDueError: it cannot.
            SamePlanError: they have it.
            ChangeRefusedError: Stripe has no answer to what it would cost.
        """
        self._check(plan)
        user, subscription, change = self._wanted(user_id, plan, now)
        if holds(subscription, change) and change.effective is Effective.NOW:
            raise SamePlanError
        offer, at_once = self.deciding.offer, change.effective is Effective.NOW
        try:
            costs = self.deciding.stripe.preview_change(subscription.id, plan, now=at_once)
        except StripeRefusedError as error:
            raise ChangeRefusedError from error
        return PlanPreview(
            effective=change.effective,
            at=change.at,
            due_now=costs.due_now,
            next_total=costs.next_total,
            limits=offer.terms(plan, now).limits,
            overage_so_far=spent(period_at(user, now, offer)),
        )

    def change(
        self, user_id: str, plan: str, key: str | None, now: datetime, patience: Patience
    ) -> PlanChange:
        """Change a user's plan; `key` is the caller's idempotency key.

        Their present plan takes back a change that was to come. An upgrade takes it back as well.

        Raises:
            InvalidFieldError: there is no such plan to change to.
            NoSubscriptionError, SubscriptionEndedError, SubscriptionEndingError, PaymentDueError: it cannot.
            SamePlanError: they have it.
            PaymentFailedError, AuthenticationRequiredError: the old plan stays until what is due is paid.
            ChangeRefusedError: Stripe refuses it.
            UnderWayError: something else is being decided just now.
            StaleRevisionError, StripeUnavailableError, UnavailableError, …: the same call goes on from there.
        """
        self._check(plan)
        return self.deciding.until_settled(lambda: self._change(user_id, plan, key, now, patience))

    def _change(
        self, user_id: str, plan: str, key: str | None, now: datetime, patience: Patience
    ) -> PlanChange:
        user, subscription, change = self._wanted(user_id, plan, now)
        wish = Wish(Choice.CHANGE_PLAN, plan, key)
        is_there = holds(subscription, change)
        if is_there and user.decision and user.decision.answers(wish):
            change = replace(change, at=user.decision.at if change.effective is Effective.NOW else change.at)
        elif is_there and change.effective is Effective.NOW:
            raise SamePlanError
        elif is_there:
            return change

        def call(key: str) -> None:
            stripe = self.deciding.stripe
            if is_there:
                return  # somebody has done it, and may have died before it was written down
            if change.effective is Effective.PERIOD_END:
                stripe.schedule_plan(subscription.id, plan, key)
                return
            stripe.release_schedule(subscription.id, key)
            if plan != subscription.plan:
                stripe.change_plan(subscription.id, plan, key)

        def answer(found: Subscription) -> PlanChange:
            if not holds(found, change):
                raise self._not_made_good(found)
            return change

        return self.deciding.carry_out(user, wish, call, answer, now, patience)

    def _wanted(self, user_id: str, plan: str, now: datetime) -> tuple[User, Subscription, PlanChange]:
        user, subscription = self.deciding.present(user_id, now)
        self.deciding.require_good(subscription)
        change = plan_change(subscription, plan, self.deciding.offer, now)
        if change.effective is Effective.PERIOD_END and not subscription.renews:
            raise SubscriptionEndingError
        return user, subscription, change

    def _not_made_good(self, found: Subscription) -> Exception:
        """Return why a subscription is not as it was to be: most often, its upgrade is not paid."""
        pending = self.deciding.stripe.pending_payment(found.id)
        if pending is None:
            return ChangeRefusedError()
        if pending.needs_authentication:
            return AuthenticationRequiredError(pending.page)
        return PaymentFailedError(pending.page)

    def _check(self, plan: str) -> None:
        paid = [each.name for each in self.deciding.offer.catalogue.paid_plans]
        if plan == FREE:
            raise CancelInsteadError
        if plan not in paid:
            raise UnknownPlanError(plan, paid)
