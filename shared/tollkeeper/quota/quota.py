"""What a user has left of a metric: asked, consumed, released (DESIGN rules 5 and 6)."""

from dataclasses import dataclass
from datetime import datetime

from tollkeeper.ledger.consuming import Consuming, Consumption, Release
from tollkeeper.ledger.patience import Patience
from tollkeeper.rules.limits import Barrier, OnLimit, allowance, standing
from tollkeeper.rules.usage import UsageRecord


@dataclass(frozen=True, slots=True)
class Check:
    """What is left of a metric?"""

    user_id: str
    metric: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Consume:
    """May this be done? If so, it is counted."""

    record: UsageRecord


type Question = Check | Consume | Release


@dataclass(frozen=True, slots=True)
class QuotaAnswer:
    """Where a user stands with a metric, after what was asked.

    `allowed` says whether one more would be, or that what was to be consumed is; `barrier` what stood in its
    way. `remaining` is -1 where the plan is unlimited. `resets_at` is None while Stripe has not said when the
    period ends. `id` is that of what was consumed or released, `spending_cap` is in cents.
    """

    allowed: bool
    limit: int
    current: int
    remaining: int
    plan: str
    on_limit: OnLimit
    resets_at: datetime | None
    id: str | None = None
    barrier: Barrier | None = None
    spending_cap: int | None = None


class Quota:
    """Answers the three questions."""

    def __init__(self, consuming: Consuming) -> None:
        self._consuming = consuming

    def ask(self, question: Question, patience: Patience) -> QuotaAnswer:
        """Answer a question; `patience` is how long a race for the user's row is run.

        Raises:
            ObstacleError: the id cannot be consumed or released as it is.
            ContendedError: the race was lost until time was up; nothing was counted.
            UnavailableError: DynamoDB is away.
        """
        match question:
            case Check(user_id, metric, at):
                return _answer(self._consuming.look(user_id, at), metric)
            case Consume(record):
                done = self._consuming.consume(record, patience)
                return _answer(done, record.metric, id_=record.id, consumed=True)
            case Release():
                return _answer(self._consuming.release(question, patience), question.metric, id_=question.id)


def _answer(seen: Consumption, metric: str, *, id_: str | None = None, consumed: bool = False) -> QuotaAnswer:
    period = seen.period
    stands = standing(seen.terms, metric, period.used.get(metric, 0), period.incurred.get(metric, 0))
    barrier = seen.barrier if consumed else allowance(period, seen.terms, metric, 1).barrier
    return QuotaAnswer(
        allowed=barrier is None,
        limit=stands.limit,
        current=stands.current,
        remaining=stands.remaining,
        plan=seen.terms.plan,
        on_limit=stands.on_limit,
        resets_at=period.end,
        id=id_,
        barrier=seen.barrier,
        spending_cap=seen.user.spending_cap,
    )
