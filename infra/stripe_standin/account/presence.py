"""Which fields Stripe leaves out of an answer, where it writes null in others.

The SDK says of both that they are `Optional`, and reading one that was left out raises `AttributeError`.
Stripe's types for Node tell them apart: the facts below are theirs, of the same API version (stripe-node
23.1.0). Each part of an answer is named by the innermost object that has a name, and the way to it from
there: `invoice.parent`. Whatever is `Optional` and not listed is there always, and may be null.
"""

from collections.abc import Collection, Mapping
from typing import Any, get_args

from stripe import PaymentMethod

# Left out unless asked for by `expand` (docs.stripe.com/api/expanding_objects, "includable").
INCLUDABLE: Mapping[str, Collection[str]] = {
    "checkout.session": {"line_items"},
    "customer": {"cash_balance", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids"},
    "invoice": {"payments", "confirmation_secret"},
    "price": {"currency_options", "tiers"},
}

# A payment method has the key of its own type, and no other's.
METHOD_TYPES = frozenset(str(kind) for kind in get_args(get_args(PaymentMethod.__annotations__["type"])[0]))

# What is left out when there is nothing to say.
LEFT_OUT: Mapping[str, Collection[str]] = {
    "checkout.session": {
        "branding_settings",
        "excluded_payment_method_types",
        "name_collection",
        "phone_number_collection",
        "presentment_details",
        "redirect_on_completion",
        "return_url",
        "tax_id_collection",
    },
    "checkout.session.automatic_tax.liability": {"account"},
    "checkout.session.total_details": {"breakdown"},
    "coupon": {"applies_to", "currency_options"},
    "credit_note_line_item": {"invoice_line_item"},
    "customer": {"business_name", "individual_name", "next_invoice_sequence"},
    "event": {"account", "context"},
    "event.data": {"previous_attributes"},
    "invoice": {"amount_paid_off_stripe", "auto_advance", "status_details", "threshold_reason"},
    "invoice.automatic_tax.liability": {"account"},
    "invoice.issuer": {"account"},
    "invoice.last_finalization_error": {
        "advice_code",
        "charge",
        "code",
        "decline_code",
        "doc_url",
        "message",
        "network_advice_code",
        "network_decline_code",
        "param",
        "payment_intent",
        "payment_method",
        "payment_method_type",
        "request_log_url",
        "setup_intent",
        "source",
    },
    "invoice.parent.subscription_details": {"subscription_proration_date"},
    "invoice_payment.payment": {"charge", "payment_intent", "payment_record"},
    "invoiceitem": {"frozen_fields", "invoicing_rules", "net_amount", "proration_details"},
    "invoiceitem.parent.subscription_details": {"subscription_item"},
    "invoiceitem.pricing": {"price_details"},
    "item": {"discounts", "taxes"},
    "line_item.pricing": {"price_details"},
    "payment_intent": {"amount_details", "hooks", "payment_details", "presentment_details"},
    "payment_intent.last_payment_error": {
        "advice_code",
        "charge",
        "code",
        "decline_code",
        "doc_url",
        "message",
        "network_advice_code",
        "network_decline_code",
        "param",
        "payment_intent",
        "payment_method",
        "payment_method_type",
        "request_log_url",
        "setup_intent",
        "source",
    },
    "payment_method": {"allow_redisplay", "radar_options", *METHOD_TYPES},
    "payment_method.link": {"persistent_token"},
    "payment_method.us_bank_account.status_details": {"blocked"},
    "plan": {"tiers"},
    "promotion_code.restrictions": {"currency_options"},
    "refund": {
        "description",
        "destination_details",
        "failure_balance_transaction",
        "failure_reason",
        "instructions_email",
        "next_action",
        "pending_reason",
        "presentment_details",
    },
    "subscription": {"presentment_details", "status_details"},
    "subscription.automatic_tax.liability": {"account"},
    "subscription.billing_mode": {"updated_at"},
    "subscription.billing_mode.flexible": {"proration_discounts"},
    "subscription.invoice_settings.issuer": {"account"},
    "subscription_item": {"billed_until", "quantity"},
    "subscription_schedule.billing_mode": {"updated_at"},
    "subscription_schedule.billing_mode.flexible": {"proration_discounts"},
    "subscription_schedule.default_settings": {"automatic_tax"},
    "subscription_schedule.default_settings.invoice_settings.issuer": {"account"},
    "subscription_schedule.phases": {"automatic_tax", "trial"},
    "subscription_schedule.phases.items": {"quantity"},
    "test_helpers.test_clock.status_details": {"advancing"},
    "v2.core.event": {"changes", "context", "reason", "snapshot_event"},
    "v2.core.event_destination": {
        "amazon_eventbridge",
        "azure_event_grid",
        "events_from",
        "metadata",
        "snapshot_api_version",
        "status_details",
        "webhook_endpoint",
    },
    "v2.core.event_destination.webhook_endpoint": {"signing_secret", "url"},
    "webhook_endpoint": {"secret"},
}

# Looked up as well, and found to have all their fields always.
WHOLE: Collection[str] = {
    "billing.meter",
    "billing.meter.customer_mapping",
    "billing.meter.default_aggregation",
    "billing.meter.status_transitions",
    "billing.meter.value_settings",
    "billing.meter_event",
    "billing.meter_event_adjustment",
    "billing.meter_event_adjustment.cancel",
    "billing.meter_event_summary",
    "billing_portal.configuration",
    "billing_portal.configuration.business_profile",
    "billing_portal.configuration.features",
    "billing_portal.configuration.features.customer_update",
    "billing_portal.configuration.features.invoice_history",
    "billing_portal.configuration.features.payment_method_update",
    "billing_portal.configuration.features.subscription_cancel",
    "billing_portal.configuration.features.subscription_cancel.cancellation_reason",
    "billing_portal.configuration.features.subscription_pause",
    "billing_portal.configuration.features.subscription_pause.duration",
    "billing_portal.configuration.features.subscription_update",
    "billing_portal.configuration.features.subscription_update.schedule_at_period_end",
    "billing_portal.configuration.login_page",
    "billing_portal.session",
    "billing_portal.session.flow",
    "billing_portal.session.flow.after_completion",
    "billing_portal.session.flow.after_completion.redirect",
    "checkout.session.automatic_tax",
    "checkout.session.custom_text",
    "checkout.session.customer_details",
    "checkout.session.customer_details.address",
    "checkout.session.customer_details.tax_ids",
    "checkout.session.discounts",
    "checkout.session.tax_id_collection",
    "credit_note",
    "credit_note.refunds",
    "credit_note_line_item.discount_amounts",
    "credit_note_line_item.taxes",
    "credit_note_line_item.taxes.tax_rate_details",
    "customer.address",
    "customer.invoice_settings",
    "discount",
    "discount.source",
    "event.request",
    "invoice.automatic_tax",
    "invoice.customer_tax_ids",
    "invoice.customer_address",
    "invoice.parent",
    "invoice.payment_settings",
    "invoice.status_transitions",
    "invoice.total_discount_amounts",
    "invoice.total_taxes",
    "invoice.total_taxes.tax_rate_details",
    "invoice_payment",
    "invoice_payment.status_transitions",
    "invoiceitem.parent",
    "invoiceitem.period",
    "invoiceitem.pricing.price_details",
    "line_item",
    "line_item.discount_amounts",
    "line_item.parent",
    "line_item.parent.invoice_item_details",
    "line_item.parent.subscription_item_details",
    "line_item.period",
    "line_item.pricing.price_details",
    "line_item.taxes",
    "line_item.taxes.tax_rate_details",
    "list",
    "payment_method.billing_details",
    "payment_method.billing_details.address",
    "payment_method.card",
    "payment_method.card.checks",
    "payment_method.card.networks",
    "payment_method.card.three_d_secure_usage",
    "payment_method.cashapp",
    "payment_method.sepa_debit",
    "payment_method.sepa_debit.generated_from",
    "payment_method.us_bank_account",
    "payment_method.us_bank_account.networks",
    "price",
    "price.recurring",
    "product",
    "promotion_code",
    "promotion_code.promotion",
    "subscription.automatic_tax",
    "subscription.cancellation_details",
    "subscription.invoice_settings",
    "subscription.payment_settings",
    "subscription.pending_update",
    "subscription.trial_settings",
    "subscription.trial_settings.end_behavior",
    "subscription_schedule",
    "subscription_schedule.current_phase",
    "subscription_schedule.default_settings.invoice_settings",
    "tax_rate",
    "test_helpers.test_clock",
    "test_helpers.test_clock.status_details.advancing",
}


def trimmed(part: Any, path: str = "") -> Any:  # noqa: ANN401 - any part of an answer
    """A part of an answer without what Stripe would leave out.

    Args:
        part: An object, a list of them or a plain value, as JSON has it.
        path: Where it stands; that of an object with a name of its own is its name.
    """
    if isinstance(part, list):
        return [trimmed(item, path) for item in part]
    if not isinstance(part, dict):
        return part
    if isinstance(noun := part.get("object"), str):  # in an event's data it is the snapshot
        path = noun
    left_out = LEFT_OUT.get(path, ())
    return {
        name: trimmed(value, f"{path}.{name}")
        for name, value in part.items()
        if value is not None or name not in left_out
    }
