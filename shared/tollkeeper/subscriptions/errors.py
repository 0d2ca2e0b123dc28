"""Why a user cannot subscribe, change or cancel, apart from it so that nobody imports it to name an error."""

from collections.abc import Iterable

from tollkeeper.rules.fields import InvalidFieldError, quoted


class AlreadySubscribedError(Exception):
    """The user has a live subscription; a second one would be paid twice."""


class NoSubscriptionError(Exception):
    """The user has no subscription, and has had none: there is nothing to change or cancel."""


class SubscriptionEndedError(Exception):
    """The user's subscription has ended; what ended is bought anew."""


class SubscriptionEndingError(Exception):
    """The user's subscription ends with its period, so that no other plan can follow unless it is resumed."""


class SamePlanError(Exception):
    """The user has the plan already that they ask for."""


class NotMadeGoodError(Exception):
    """What was decided does not hold at Stripe. `page` is where what is due for it can be paid."""

    def __init__(self, page: str | None = None) -> None:
        super().__init__(page)
        self.page = page


class PaymentFailedError(NotMadeGoodError):
    """The payment that an upgrade needs failed: the old plan stays until it is paid."""


class AuthenticationRequiredError(NotMadeGoodError):
    """The payment that an upgrade needs waits for the customer to authenticate: the old plan stays."""


class ChangeRefusedError(NotMadeGoodError):
    """Stripe refuses a change, or shows no effect of it: the subscription is another by now."""


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


class CancelInsteadError(InvalidFieldError):
    """The plan without a subscription is no plan to change to."""

    def __init__(self) -> None:
        super().__init__("plan", "this plan is what is left when a subscription ends: cancel it instead")


class ForeignOriginError(InvalidFieldError):
    """A page to come back to belongs to none of the deployment's origins."""

    def __init__(self, field: str, origins: Iterable[str]) -> None:
        super().__init__(field, f"must begin with one of {', '.join(sorted(origins))}")
