"""The customer portal: configurations and sessions (docs.stripe.com/customer-management)."""

from collections.abc import Mapping
from typing import Any

from stripe import Customer, ListObject, Subscription
from stripe.billing_portal import Configuration, Session
from stripe.params.billing_portal import (
    ConfigurationCreateParams,
    ConfigurationListParams,
    ConfigurationRetrieveParams,
    ConfigurationUpdateParams,
    SessionCreateParams,
)

from infra.stripe_standin.account.shapes import make, new_id
from infra.stripe_standin.account.state import Account, matching, metadata, page
from infra.stripe_standin.customers import cards, customers, payment_methods
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import collection
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions import billing_cycle

routes = Routes()

# docs.stripe.com/api/customer_portal/sessions: a session is short-lived; five minutes until first used.
LIFE = 5 * 60


@routes.post("/v1/billing_portal/configurations", ConfigurationCreateParams)
def create_configuration(account: Account, params: ConfigurationCreateParams) -> Configuration:
    """Say what customers may do; the first becomes the default.

    See docs.stripe.com/api/customer_portal/configurations/create.
    """
    now = account.now()
    configuration = make(
        Configuration,
        id=new_id("bpc"),
        active=True,
        business_profile=dict(params.get("business_profile", {})),
        created=now,
        default_return_url=params.get("default_return_url") or None,
        features=_features(params["features"]),
        is_default=not any(account.all(Configuration)),
        login_page={"enabled": False},
        metadata=metadata(params.get("metadata")),
        name=params.get("name") or None,
        updated=now,
    )
    return account.keep(configuration)


def _features(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is not mentioned is off."""
    update = given.get("customer_update", {})
    cancel = given.get("subscription_cancel", {})
    change = given.get("subscription_update", {})
    reason = cancel.get("cancellation_reason", {})
    return {
        "customer_update": {
            "allowed_updates": list(update.get("allowed_updates") or []),
            "enabled": update.get("enabled", False),
        },
        "invoice_history": {"enabled": given.get("invoice_history", {}).get("enabled", False)},
        "payment_method_update": {"enabled": given.get("payment_method_update", {}).get("enabled", False)},
        "subscription_cancel": {
            "cancellation_reason": {
                "enabled": reason.get("enabled", False),
                "options": list(reason.get("options") or []),
            },
            "enabled": cancel.get("enabled", False),
            "mode": cancel.get("mode", "at_period_end"),
            "proration_behavior": cancel.get("proration_behavior", "none"),
        },
        "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
        "subscription_update": {
            "default_allowed_updates": list(change.get("default_allowed_updates") or []),
            "enabled": change.get("enabled", False),
            "proration_behavior": change.get("proration_behavior", "none"),
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": change.get("trial_update_behavior", "end_trial"),
        },
    }


@routes.get("/v1/billing_portal/configurations", ConfigurationListParams)
def list_configurations(account: Account, params: ConfigurationListParams) -> ListObject[Configuration]:
    """List configurations (docs.stripe.com/api/customer_portal/configurations/list)."""
    found = matching(account.all(Configuration), params, "active", "is_default")
    return page(found, params, "/v1/billing_portal/configurations")


@routes.get("/v1/billing_portal/configurations/{configuration}", ConfigurationRetrieveParams)
def retrieve_configuration(
    account: Account, _params: ConfigurationRetrieveParams, configuration: str
) -> Configuration:
    """Retrieve a configuration (docs.stripe.com/api/customer_portal/configurations/retrieve)."""
    return account.get(Configuration, configuration)


@routes.post("/v1/billing_portal/configurations/{configuration}", ConfigurationUpdateParams)
def update_configuration(
    account: Account, params: ConfigurationUpdateParams, configuration: str
) -> Configuration:
    """Update a configuration, feature by feature.

    See docs.stripe.com/api/customer_portal/configurations/update.
    """
    known = account.get(Configuration, configuration)
    known.active = params.get("active", known.active)
    known.name = params.get("name", known.name) or None
    known.default_return_url = params.get("default_return_url", known.default_return_url) or None
    known.metadata = metadata(params.get("metadata"), known.metadata)
    if "business_profile" in params:
        known.business_profile = make(Configuration.BusinessProfile, **params["business_profile"])
    if "features" in params:
        given = {**known.features.to_dict(), **params["features"]}
        known.features = make(Configuration.Features, **_features(given))
    known.updated = account.now()
    return known


@routes.post("/v1/billing_portal/sessions", SessionCreateParams)
def create_session(account: Account, params: SessionCreateParams) -> Session:
    """Open the portal for a customer, perhaps at one flow.

    See docs.stripe.com/api/customer_portal/sessions/create.
    """
    if "customer" not in params:
        raise RefusedError("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = customers.living(account, params["customer"])
    if "configuration" in params:
        configuration = account.get(Configuration, params["configuration"], "configuration")
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
            if known.customer == session.customer and known.status in billing_cycle.LIVE
        ),
        None,
    )


def change_card(account: Account, identifier: str, number: str) -> None:
    """Replace the default card, as the portal does (docs.stripe.com/customer-management/configure-portal)."""
    session, configuration = opened(account, identifier)
    if not configuration.features.payment_method_update.enabled:
        raise RefusedError("The portal's configuration does not allow changing the card.", status=403)
    customer = account.get(Customer, session.customer)
    method = payment_methods.from_card(account, cards.by_number(number))
    payment_methods.join(account, method, customer)
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
        collection.end(account, subscription, reason="cancellation_requested")
        return
    with account.changing("customer.subscription.updated", subscription):
        subscription.cancel_at = billing_cycle.period(subscription)[1]
        subscription.canceled_at = account.now(subscription.test_clock)
        if subscription.cancellation_details:
            subscription.cancellation_details["reason"] = "cancellation_requested"
