"""The sweep: what webhooks missed is found at Stripe and put right (DESIGN rule 10).

Every hour it asks about those whose period is over without a word of Stripe's of the next. Once a day it
looks through what Stripe lists, in pages, and goes on in the next hour where it was stopped, by want of time
or by Stripe. It reads the rows of those whom Stripe names and of those who wait for its word, and no others:
its cost follows the number of subscribers, a hundred to a request, and what has changed lately.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import batched, islice

from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.sweep_progress import SweepProgress, SweepProgressBook, SweepStage
from tollkeeper.ledger.table import UnavailableError
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Subscription, ask_at, choose, to_cancel
from tollkeeper.rules.users import User
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.event_types import Style, of_style
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.port import ListedSubscription
from tollkeeper.subscriptions.event_batch import by_customer
from tollkeeper.subscriptions.stripe_events import Outcome, StripeEvents, StripeForEvents
from tollkeeper.subscriptions.synchronisation import Synchronised, Trigger, end_forgotten, synchronise
from tollkeeper.telemetry import logger

LOOKS_BACK = timedelta(days=3)
"""For so long Stripe itself tries to deliver an event; a daily sweep has three chances at each."""

EVERY = timedelta(hours=23, minutes=30)
"""How long after one began the next begins: a day, by a schedule that is not exact to the second."""

PAGE = 100
"""What is looked through before it is noted how far the sweep has come."""

SECONDS_FOR_A_PAGE = 180.0
SECONDS_FOR_A_CUSTOMER = 90.0
"""Time without which none is begun. Of a page, each subscription may need a call for its card."""

STRIPE_PATIENCE_SECONDS = 30.0
"""Of waiting in one call while Stripe limits calls: nobody waits for the sweep."""

MOST_SILENCES = 3
"""Customers in a row whom Stripe did not answer about: then it is down, and the next hour's run goes on."""

ACTOR = "sweep"


@dataclass(slots=True)
class Swept:
    """What one run did: whom it asked about, events it followed, rows it put right, what it could not do.

    If it is `unfinished`, the next run goes on.
    """

    asked: int = 0
    followed: int = 0
    repaired: int = 0
    failed: int = 0
    unfinished: bool = False


class OutOfTimeError(Exception):
    """The function must end soon; the next run goes on."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Puts right what webhooks missed. Swept again, nothing is left to do."""

    users: Users
    bills: Bills
    stripe: StripeForEvents
    offer: Offer
    deployment: str
    progress: SweepProgressBook

    def run(self, now: datetime, patience: Patience, looks_back: timedelta | None = None) -> Swept:
        """Ask about those who wait for Stripe's word; begin the daily sweep if it is time, or go on with it.

        With `looks_back` one begins at any rate, which looks at the events since then.

        Raises:
            StripeUnavailableError, UnavailableError: Stripe or DynamoDB did not answer. What was done stays
                done, and the next run goes on from there.
        """
        run = SweepRun(self, now, patience)
        try:
            run.ask()
            progress = self._due(now, looks_back)
            if progress:
                run.look_through(progress)
        except OutOfTimeError:
            run.swept.unfinished = True
        return run.swept

    def _due(self, now: datetime, looks_back: timedelta | None) -> SweepProgress | None:
        """Return the sweep to begin or to go on with, if there is one."""
        last = self.progress.read()
        if looks_back is not None:
            return SweepProgress(now, now - looks_back, SweepStage.SUBSCRIPTIONS)
        if last is None:
            return SweepProgress(now, now - LOOKS_BACK, SweepStage.SUBSCRIPTIONS)
        if last.stage is not None:
            return last
        if now - last.begun_at < EVERY:
            return None
        # If the last one is long ago, no event since then has had its chance.
        return SweepProgress(now, min(now - LOOKS_BACK, last.begun_at), SweepStage.SUBSCRIPTIONS)


class SweepRun:
    """One run of the sweep."""

    def __init__(self, sweep: Sweep, now: datetime, patience: Patience) -> None:
        self.swept = Swept()
        self._sweep = sweep
        self._users = sweep.users
        self._stripe = sweep.stripe
        self._events = StripeEvents(sweep.users, sweep.bills, sweep.stripe, sweep.offer, sweep.deployment)
        self._trigger = Trigger(now, actor=ACTOR)
        self._now = now
        self._patience = patience
        self._silences = 0

    # Users who wait for Stripe's word.

    def ask(self) -> None:
        """Ask about everybody whose period is over without a word of the next."""
        for some in batched(self._users.unheard_of(self._now), PAGE, strict=False):
            for user in self._users.profiles(some):
                self._for(user.user_id, partial(self._ask_about, user))

    def _ask_about(self, user: User) -> None:
        """Bring a user's row up to date; if Stripe says nothing of them, ask later, or end what it forgot."""
        subscription = user.subscription
        if user.customer_id is None or subscription is None:
            return
        try:
            found = self._synchronise(user.customer_id)
        except (StripeUnavailableError, UnavailableError):
            raise
        except Exception:
            self._ask_later(user, subscription)
            raise
        self.swept.asked += 1
        if found and found.user_id == user.user_id and found.after:
            self._note(found)
        elif self._now < subscription.believed_until:
            self._ask_later(user, subscription)
        else:
            self._note(end_forgotten(user.user_id, self._users, self._sweep.offer, self._trigger))

    def _ask_later(self, user: User, subscription: Subscription) -> None:
        if at := ask_at(subscription, self._now):
            self._users.ask_again(user, at)

    # What Stripe lists.

    def look_through(self, progress: SweepProgress) -> None:
        """Look through what Stripe lists, from where a sweep has come to, and note how far it is.

        Rows come first: what an event that comes late had changed is then audited as the sweep's finding.
        """
        stages = [*SweepStage]
        since = progress.since
        while (stage := progress.stage) is not None:
            match stage:
                case SweepStage.SUBSCRIPTIONS:
                    listed = self._stripe.subscriptions(progress.until)
                    progress = self._page_by_page(progress, listed, self._compare, lambda each: each.created)
                case SweepStage.ENDINGS:
                    endings = self._stripe.endings(since, progress.until)
                    progress = self._page_by_page(progress, endings, self._end, lambda each: each.at)
                case SweepStage.UNDELIVERED:
                    types = of_style(Style.SNAPSHOT)
                    missed = self._stripe.undelivered_events(since, types, progress.until)
                    progress = self._page_by_page(progress, missed, self._follow, lambda each: each.at)
            following = stages[stages.index(stage) + 1 :]
            progress = replace(progress, stage=next(iter(following), None), until=None)
            self._sweep.progress.write(progress)

    def _page_by_page[T](
        self,
        progress: SweepProgress,
        listed: Iterator[T],
        look_at: Callable[[Sequence[T]], None],
        made_at: Callable[[T], datetime],
    ) -> SweepProgress:
        while True:
            if not self._patience.lasts(SECONDS_FOR_A_PAGE):
                raise OutOfTimeError
            page = list(islice(listed, PAGE))
            if not page:
                return progress
            look_at(page)
            progress = replace(progress, until=made_at(page[-1]))
            self._sweep.progress.write(progress)

    def _compare(self, page: Sequence[ListedSubscription]) -> None:
        """Put right the rows that do not say what Stripe lists as live."""
        live: dict[str, list[Subscription]] = defaultdict(list)
        wrong = [each.customer_id for each in page if each.subscription is None]
        for each in page:
            if each.subscription and each.subscription.is_live:
                live[each.user_id].append(each.subscription)
        for user in self._users.profiles(live):
            found = live[user.user_id]
            chosen = choose(found)
            if chosen and (to_cancel(found) or chosen != user.subscription):
                wrong.append(chosen.customer_id)
        self._repair(wrong)

    def _end(self, page: Sequence[StripeEvent]) -> None:
        """Put right the rows that say of a subscription that it goes on, when it has ended."""
        ended: dict[str, set[str | None]] = defaultdict(set)
        for event in page:
            if event.user_id and event.deployment == self._sweep.deployment:
                ended[event.user_id].add(event.object_id)
        wrong = [
            user.subscription.customer_id
            for user in self._users.profiles(ended)
            if user.subscription and user.subscription.is_live and user.subscription.id in ended[user.user_id]
        ]
        self._repair(wrong)

    def _follow(self, page: Sequence[StripeEvent]) -> None:
        """Follow events that were not delivered to somebody, perhaps to us."""
        for group in by_customer(page):
            self._for(group[0].customer_id, partial(self._follow_together, group))

    def _follow_together(self, group: Sequence[StripeEvent]) -> None:
        outcomes = self._events.follow_together(group, self._now)
        self.swept.followed += sum(each is not Outcome.OF_OTHERS for each in outcomes)

    # One customer.

    def _repair(self, customer_ids: Sequence[str]) -> None:
        for customer_id in dict.fromkeys(customer_ids):
            self._for(customer_id, partial(self._bring_up_to_date, customer_id))

    def _for(self, whom: str | None, work: Callable[[], None]) -> None:
        """Do something for one customer, whose trouble is nobody else's, if there is time."""
        if not self._patience.lasts(SECONDS_FOR_A_CUSTOMER):
            raise OutOfTimeError
        try:
            work()
        except (StripeUnavailableError, UnavailableError):
            logger.warning("Nothing was learnt of a customer", extra={"of": whom}, exc_info=True)
            self.swept.failed += 1
            self._silences += 1
            if self._silences == MOST_SILENCES:
                raise
        except Exception:  # noqa: BLE001 - one user's trouble is not another's
            logger.exception("A user's row could not be put right", extra={"of": whom})
            self.swept.failed += 1
        else:
            self._silences = 0

    def _bring_up_to_date(self, customer_id: str) -> None:
        self._note(self._synchronise(customer_id))

    def _synchronise(self, customer_id: str) -> Synchronised | None:
        return synchronise(customer_id, self._users, self._stripe, self._sweep.offer, self._trigger)

    def _note(self, found: Synchronised | None) -> None:
        if found and found.has_changed:
            self.swept.repaired += 1
            logger.warning(
                "Put right what webhooks missed",
                extra={"userId": found.user_id, "before": str(found.before), "after": str(found.after)},
            )
