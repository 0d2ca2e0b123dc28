"""`@metered`: what a call of a function counts as, where no route says it."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tollkeeper.client.consuming import MeteredBlock
from tollkeeper.client.facts import UncountableError, logger

if TYPE_CHECKING:
    from tollkeeper.client.tollkeeper import Tollkeeper

Called = TypeVar("Called", bound=Callable[..., Any])
Arguments = Mapping[str, Any]
AskedOfArguments = Callable[[Arguments], Any]


@dataclass(frozen=True)
class MeteredCalls:
    """The calls of one function, as `Tollkeeper.metered` describes them."""

    tollkeeper: "Tollkeeper"
    metric: str
    signature: inspect.Signature
    user: AskedOfArguments
    facility: AskedOfArguments | None
    data: AskedOfArguments | None

    def wish(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> MeteredBlock | None:
        """Return what a call consumes; None where the host names nobody who could be counted."""
        try:
            bound = self.signature.bind(*args, **keywords)
            bound.apply_defaults()
            said = bound.arguments
            user = self.user(said)
            facility = self.facility(said) if self.facility else None
            data = self.data(said) if self.data else None
        except Exception:
            logger.exception("The host does not say who calls", extra={"metric": self.metric})
            return None
        return None if user is None else MeteredBlock(self.tollkeeper, user, self.metric, 1, facility, data)


def metered(
    tollkeeper: "Tollkeeper",
    metric: str,
    *,
    user: AskedOfArguments | str,
    facility: AskedOfArguments | None,
    data: AskedOfArguments | None,
) -> Callable[[Called], Called]:
    """Return the decorator that `Tollkeeper.metered` describes."""
    if metric not in tollkeeper.catalogue.metrics:
        raise UncountableError(f"there is no metric {metric!r}")

    def decorate(function: Called) -> Called:
        signature = inspect.signature(function)
        if isinstance(user, str) and user not in signature.parameters:
            raise UncountableError(f"{function.__qualname__} has no argument {user}")
        asked = (lambda said: said[user]) if isinstance(user, str) else user
        calls = MeteredCalls(tollkeeper, metric, signature, asked, facility, data)
        wrap = _around_async if inspect.iscoroutinefunction(function) else _around
        return cast("Called", functools.wraps(function)(wrap(function, calls)))

    return decorate


def _around(function: Callable[..., Any], calls: MeteredCalls) -> Callable[..., Any]:
    is_before = calls.tollkeeper.counts_before(calls.metric)

    def call(*args: Any, **keywords: Any) -> Any:  # noqa: ANN401 - whatever the function takes and returns
        wish = calls.wish(args, keywords)
        if wish is None:
            return function(*args, **keywords)
        if is_before:
            with wish:
                return function(*args, **keywords)
        returned = function(*args, **keywords)
        wish.track()
        return returned

    return call


def _around_async(function: Callable[..., Any], calls: MeteredCalls) -> Callable[..., Any]:
    is_before = calls.tollkeeper.counts_before(calls.metric)

    async def call(*args: Any, **keywords: Any) -> Any:  # noqa: ANN401 - the same
        wish = calls.wish(args, keywords)
        if wish is None:
            return await function(*args, **keywords)
        if is_before:
            async with wish:
                return await function(*args, **keywords)
        returned = await function(*args, **keywords)
        wish.track()
        return returned

    return call
