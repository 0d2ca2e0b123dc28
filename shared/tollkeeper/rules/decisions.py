"""What a user decides is done once, however often it is clicked (DESIGN rule 10).

A user's row keeps the last decision. It is taken before Stripe is called, and done when Stripe's answer was
read, a failure too. Whoever wants the same while it is under way joins it, and calls Stripe under its key.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

UNDER_WAY = timedelta(minutes=2)
"""How long a decision that is not done may be under way: far longer than a function lives, and its calls."""


class Choice(StrEnum):
    """What there is to decide about a subscription that goes on."""

    CHANGE_PLAN = "change_plan"
    CANCEL = "cancel"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: of a change the plan, of cancelling when. `key` is the caller's idempotency key."""

    choice: Choice
    target: str = ""
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The last thing a user decided, their `number`th.

    `attempt` counts the failures that Stripe repeats to a key, so that the next attempt has another.
    """

    number: int
    wish: Wish
    at: datetime
    done: bool = False
    attempt: int = 0

    def is_under_way(self, now: datetime) -> bool:
        """Whether somebody may still be carrying it out."""
        return not self.done and now - self.at < UNDER_WAY

    def answers(self, wish: Wish) -> bool:
        """Whether a wish that finds its effect at Stripe is this decision over again, and no new one."""
        same = (self.wish.choice, self.wish.target) == (wish.choice, wish.target)
        return same and (not self.done or self._bears_the_key_of(wish))

    def key(self, deployment: str, user_id: str) -> str:
        """Return what Stripe knows its calls by: hashed, for a key has at most 255 characters.

        It is made of user, choice, target, and the caller's key or else the number; never of the row's
        revision, which moves with every word of Stripe's.
        """
        own = f"key {self.wish.key}" if self.wish.key else f"number {self.number}"
        facts = (deployment, user_id, self.wish.choice, self.wish.target, own, str(self.attempt))
        return sha256("\n".join(("decision", *facts)).encode()).hexdigest()

    def _bears_the_key_of(self, wish: Wish) -> bool:
        return wish.key is not None and self.wish.key == wish.key


class Obstruction(StrEnum):
    """Why a wish cannot be decided just now."""

    UNDER_WAY = "under_way"
    """Another decision is being carried out."""
    MOVED = "moved"
    """Another decision was made since the user was read: what Stripe said by then may be true no more."""


def decided(
    last: Decision | None, seen: Decision | None, wish: Wish, now: datetime
) -> Decision | Obstruction:
    """Return the decision that a wish is: the last one if it joins that, or the next.

    `seen` is the last decision as it was when the user was read, `last` as it is now. One that was taken in
    between by somebody who wants the same is joined, also if it is done: they wished at one instant.
    What nobody can be carrying out any more is no obstacle: its effect, if it had any, was read at Stripe.
    """
    number = last.number if last else 0
    if last and (last.wish.choice, last.wish.target) == (wish.choice, wish.target):
        is_new = number != (seen.number if seen else 0)
        if is_new or last.is_under_way(now) or (last.done and last.answers(wish)):
            return last
    elif last and last.is_under_way(now):
        return Obstruction.UNDER_WAY
    if last != seen:
        return Obstruction.MOVED
    return Decision(number + 1, wish, now)
