"""The portal of one customer, and what they do there (docs.stripe.com/customer-management)."""

from collections.abc import Mapping
from typing import Any

from stripe import Customer, Subscription
from stripe.billing_portal import Configuration, Session
from stripe.params.billing_portal import SessionCreateParams

from infra.stripe_standin.account.shapes import make, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.customers import cards, customers, payment_methods
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import authentication
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions import billing_cycle, subscription_status

routes = Routes()

# docs.stripe.com/api/customer_portal/sessions: a session is short-lived; five minutes until first used.
LIFE = 5 * 60


@routes.post("/v1/billing_portal/sessions", SessionCreateParams)
def create(account: Account, params: SessionCreateParams) -> Session:
    """Open the portal for a customer, perhaps at one flow.

    See docs.stripe.com/api/customer_portal/sessions/create, and of a configuration that is not active
    docs.stripe.com/api/customer_portal/configurations/object. *Unverified* are the words of that refusal.
    """
    if "customer" not in params:
        raise RefusedError("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = customers.living(account, params["customer"])
    if "configuration" in params:
        configuration = account.get(Configuration, params["configuration"], "configuration")
        if not configuration.active:
            raise RefusedError("This configuration is inactive.", param="configuration")
    else:
        found = next((known for known in account.all(Configuration) if known.is_default), None)
        if found is None:
            raise RefusedError(
                "No configuration provided and your test mode default configuration has not been created."
            )
        configuration = found
    identifier = new_id("bps")
    session = make(
        Session,
        id=identifier,
        configuration=configuration.id,
        created=account.now(customer.test_clock),
        customer=customer.id,
        flow=_flow(params["flow_data"]) if "flow_data" in params else None,
        return_url=params.get("return_url") or configuration.default_return_url,
        url=f"{account.public_url}/portal/{identifier}",
    )
    return account.keep(session)


def _flow(given: Mapping[str, Any]) -> dict[str, Any]:
    return {**given, "after_completion": given.get("after_completion", {"type": "portal_homepage"})}


def opened(account: Account, identifier: str) -> tuple[Session, Configuration]:
    """A portal session that has not run out, with what it allows.

    Raises:
        RefusedError: It is unknown or older than five minutes.
    """
    session = account.get(Session, identifier)
    customer = account.get(Customer, session.customer)
    if account.now(customer.test_clock) >= session.created + LIFE:
        raise RefusedError("This portal session has expired.", status=404)
    return session, account.get(Configuration, str(session.configuration))


def subscription_of(account: Account, session: Session) -> Subscription | None:
    """The live subscription the portal shows: the stand-in's shows one."""
    return next(
        (
            known
            for known in account.all(Subscription)
            if known.customer == session.customer and known.status in subscription_status.LIVE
        ),
        None,
    )


def change_card(account: Account, identifier: str, number: str, *, authenticated: bool = False) -> None:
    """Replace the default card, as the portal does (docs.stripe.com/customer-management/configure-portal).

    Args:
        account: The account.
        identifier: The portal session's id.
        number: A test card's number.
        authenticated: Whether the customer authenticates, where the card asks for it.
    """
    session, configuration = opened(account, identifier)
    if not configuration.features.payment_method_update.enabled:
        raise RefusedError("The portal's configuration does not allow changing the card.", status=403)
    customer = account.get(Customer, session.customer)
    card = cards.by_number(number)
    if card.authenticates and not authenticated:
        raise authentication.unauthenticated("setup")
    method = payment_methods.from_card(account, card)
    payment_methods.join(account, method, customer)
    account.set_up.add(method.id)
    with account.changing("customer.updated", customer):
        if customer.invoice_settings:
            customer.invoice_settings.default_payment_method = method.id
    subscription = subscription_of(account, session)
    if subscription:
        with account.changing("customer.subscription.updated", subscription):
            subscription.default_payment_method = method.id


def cancel(account: Account, identifier: str) -> None:
    """Cancel as configured; at the period's end it shows as `cancel_at` in flexible mode.

    docs.stripe.com/billing/subscriptions/billing-mode/compare
    """
    session, configuration = opened(account, identifier)
    feature = configuration.features.subscription_cancel
    subscription = subscription_of(account, session)
    if not feature.enabled or subscription is None:
        raise RefusedError("The portal's configuration does not allow cancelling.", status=403)
    if feature.mode == "immediately":
        subscription_status.end(account, subscription, reason="cancellation_requested")
        return
    if subscription.schedule:
        raise subscription_status.managed_by_schedule(subscription)
    with account.changing("customer.subscription.updated", subscription):
        subscription.cancel_at = billing_cycle.period(subscription)[1]
        subscription.canceled_at = account.now(subscription.test_clock)
        if subscription.cancellation_details:
            subscription.cancellation_details["reason"] = "cancellation_requested"
