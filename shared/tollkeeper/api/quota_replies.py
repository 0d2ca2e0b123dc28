"""Replies of the quota endpoints, in the words of the contract (DESIGN §4)."""

from http import HTTPStatus
from typing import Any

from tollkeeper.api.replies import Reply, reply
from tollkeeper.quota.quota import QuotaAnswer
from tollkeeper.rules.limits import Barrier
from tollkeeper.rules.times import iso

REFUSALS = {
    Barrier.LIMIT: ("Usage limit exceeded", "The plan includes no more of this in the present period."),
    Barrier.SPENDING_CAP: ("Spending cap reached", "The overage would cost more than the user accepts."),
}


def reply_to(answer: QuotaAnswer, upgrade_url: str) -> Reply:
    """Return 200 with where the user stands, or 402 where something stood in the way of consuming.

    `upgrade_url` is told with every no.
    """
    stands: dict[str, Any] = {
        "limit": answer.limit,
        "current": answer.current,
        "remaining": answer.remaining,
        "planTier": answer.plan,
        "onLimit": answer.on_limit,
        "resetsAt": iso(answer.resets_at) if answer.resets_at else None,
    }
    if answer.barrier is None:
        named = {} if answer.id is None else {"id": answer.id}
        return reply(HTTPStatus.OK, {"allowed": answer.allowed, **stands, **named})
    error, message = REFUSALS[answer.barrier]
    body = {"error": error, "message": message, **stands, "upgradeUrl": upgrade_url}
    if answer.barrier is Barrier.SPENDING_CAP:
        body["spendingCap"] = answer.spending_cap
    return reply(HTTPStatus.PAYMENT_REQUIRED, body)
