"""Why a user cannot subscribe or cancel, apart from both so that nobody imports them to name an error."""

from collections.abc import Iterable

from tollkeeper.rules.fields import InvalidFieldError, quoted


class AlreadySubscribedError(Exception):
    """The user has a live subscription; a second one would be paid twice."""


class NoSubscriptionError(Exception):
    """The user has no subscription, and has had none: there is nothing to cancel."""


class NoCustomerError(Exception):
    """The user is no customer at Stripe yet, or no more: they have nothing to look after there."""


class PaymentDueError(Exception):
    """The user has bought already and owes for it, so they need to pay that. `page` is where they can."""

    def __init__(self, page: str) -> None:
        super().__init__(page)
        self.page = page


class UnknownPlanError(InvalidFieldError):
    """There is no such plan to buy."""

    def __init__(self, plan: str, plans: Iterable[str]) -> None:
        super().__init__("plan", f"there is no plan {quoted(plan)} to buy. The plans are {', '.join(plans)}.")


class ForeignOriginError(InvalidFieldError):
    """A page to come back to belongs to none of the deployment's origins."""

    def __init__(self, field: str, origins: Iterable[str]) -> None:
        super().__init__(field, f"must begin with one of {', '.join(sorted(origins))}")
