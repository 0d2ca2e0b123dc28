"""What the portal lets customers do (docs.stripe.com/customer-management/configure-portal)."""

from collections.abc import Mapping
from typing import Any

from stripe import ListObject
from stripe.billing_portal import Configuration
from stripe.params.billing_portal import (
    ConfigurationCreateParams,
    ConfigurationListParams,
    ConfigurationRetrieveParams,
    ConfigurationUpdateParams,
)

from infra.stripe_standin.account.shapes import make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.server.lists import matching, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()


@routes.post("/v1/billing_portal/configurations", ConfigurationCreateParams)
def create(account: Account, params: ConfigurationCreateParams) -> Configuration:
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
def listed(account: Account, params: ConfigurationListParams) -> ListObject[Configuration]:
    """List configurations (docs.stripe.com/api/customer_portal/configurations/list)."""
    found = matching(account.all(Configuration), params, "active", "is_default")
    return page(found, params, "/v1/billing_portal/configurations")


@routes.get("/v1/billing_portal/configurations/{configuration}", ConfigurationRetrieveParams)
def retrieve(account: Account, _params: ConfigurationRetrieveParams, configuration: str) -> Configuration:
    """Retrieve a configuration (docs.stripe.com/api/customer_portal/configurations/retrieve)."""
    return account.get(Configuration, configuration)


@routes.post("/v1/billing_portal/configurations/{configuration}", ConfigurationUpdateParams)
def update(account: Account, params: ConfigurationUpdateParams, configuration: str) -> Configuration:
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
