"""Lists: filters, and pages that are newest first (docs.stripe.com/api/pagination)."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from stripe import ListObject, StripeObject

from infra.stripe_standin.account.shapes import listing
from infra.stripe_standin.account.state import Identified
from infra.stripe_standin.errors import RefusedError, missing


def page[T: Identified](things: list[T], params: Mapping[str, object], url: str) -> ListObject[Any]:
    """One page of a list that is newest first (docs.stripe.com/api/pagination).

    Args:
        things: Everything that matches, newest first.
        params: The request's `limit` (1 to 100, by default 10), `starting_after` and `ending_before`.
        url: The list's path.
    """
    limit = params.get("limit", 10)
    if not isinstance(limit, int) or not 1 <= limit <= 100:  # noqa: PLR2004 - Stripe's own bound
        raise RefusedError("limit must be between 1 and 100", code="parameter_invalid_integer", param="limit")
    ids = [thing.id for thing in things]
    start, stop = 0, len(things)
    if (after := params.get("starting_after")) is not None:
        start = _position(ids, after, "starting_after") + 1
    if (before := params.get("ending_before")) is not None:
        stop = _position(ids, before, "ending_before")
        start = max(start, stop - limit)
    more = stop - start > limit if before is None else start > 0
    return listing(cast("list[StripeObject]", things[start : min(stop, start + limit)]), url, has_more=more)


def matching[T: StripeObject](things: Iterable[T], params: Mapping[str, Any], *names: str) -> list[T]:
    """Those things whose fields `names` are as the filters of the same names say, and `created` too.

    A filter that is not given lets everything pass.
    """
    # Read before the loop, so that they count as read even when there is nothing to filter.
    wanted = {name: params[name] for name in names if name in params}
    created = params.get("created")
    return [
        thing
        for thing in things
        if all(thing[name] == value for name, value in wanted.items())
        and (created is None or within(thing["created" if "created" in thing else "date"], created))
    ]


def outside_clocks[T: StripeObject](things: list[T], params: Mapping[str, Any], *naming: str) -> list[T]:
    """Without what lives on a test clock, unless one of the parameters `naming` says whose things are meant.

    See docs.stripe.com/api/customers/list#list_customers-test_clock and
    docs.stripe.com/billing/testing/test-clocks/api-advanced-usage.
    """
    if any(name in params for name in naming):
        return things
    return [thing for thing in things if not thing["test_clock"]]


def within(instant: int, bounds: object) -> bool:
    """Whether an instant satisfies a filter like `created`: an instant, or `gt`, `gte`, `lt`, `lte`."""
    if isinstance(bounds, int):
        return instant == bounds
    if not isinstance(bounds, dict):
        return True
    after, before = bounds.get("gt", instant - 1), bounds.get("lt", instant + 1)
    first, last = bounds.get("gte", instant), bounds.get("lte", instant)
    return bool(after < instant < before and first <= instant <= last)


def _position(ids: list[str], identifier: object, param: str) -> int:
    try:
        return ids.index(str(identifier))
    except ValueError:
        raise missing("object", str(identifier), param) from None
