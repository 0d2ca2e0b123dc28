"""The bodies of replies, and the values that they are made of."""

from dataclasses import fields
from typing import Any

import pytest

from tollkeeper.api.bodies.audit import AuditEntryOut, AuditTrailOut
from tollkeeper.api.bodies.checkout import CheckoutSessionOut
from tollkeeper.api.bodies.coverage import CoverageOut, HostCoverageOut, UnmappedPathOut
from tollkeeper.api.bodies.explanations import ExplainedChargeOut, ExplanationOut, InvoicedOut
from tollkeeper.api.bodies.intake import Rejected, UsageAccepted
from tollkeeper.api.bodies.invoices import InvoiceLineOut, InvoiceOut, InvoicesOut, UpcomingInvoiceOut
from tollkeeper.api.bodies.model import Body
from tollkeeper.api.bodies.records import UsageRecordOut, UsageRecordsOut
from tollkeeper.api.bodies.subscription import (
    OverageOut,
    PaymentMethodOut,
    PlanChangeOut,
    PlanPreviewOut,
    SubscriptionOut,
    TrialOut,
)
from tollkeeper.api.bodies.usage import UsageOut, UsageStepOut
from tollkeeper.ledger.history import Part
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.coverage import CoverageShown, HostCoverage, UnmappedPathOfHost
from tollkeeper.rules.overage import Overage
from tollkeeper.rules.plan_changes import PlanChange
from tollkeeper.rules.series import Step
from tollkeeper.stripe.customer_port import InvoicePage, ShownInvoice, ShownLine
from tollkeeper.stripe.port import CheckoutSession
from tollkeeper.subscriptions.plan_changes import PlanPreview
from tollkeeper.usage.intake import Accepted, RejectedRecord
from tollkeeper.views.explanations import ChargeView, ExplanationView, InvoicedView
from tollkeeper.views.invoices import UpcomingInvoiceView
from tollkeeper.views.records import RecordsView, RecordView
from tollkeeper.views.subscription import PaymentMethodView, SubscriptionView, TrialView
from tollkeeper.views.usage import UsageView


@pytest.mark.parametrize(
    ("body", "value", "hidden"),
    [
        (SubscriptionOut, SubscriptionView, set()),
        (TrialOut, TrialView, set()),
        (OverageOut, Overage, set()),
        (PaymentMethodOut, PaymentMethodView, set()),
        (UsageOut, UsageView, set()),
        (UsageStepOut, Step, set()),
        (UsageRecordsOut, RecordsView, set()),
        (UsageRecordOut, RecordView, set()),
        (AuditTrailOut, Part, set()),
        (AuditEntryOut, AuditEntry, {"user_id", "id"}),
        (UsageAccepted, Accepted, set()),
        (Rejected, RejectedRecord, set()),
        (CheckoutSessionOut, CheckoutSession, set()),
        (PlanChangeOut, PlanChange, set()),
        (PlanPreviewOut, PlanPreview, set()),
        (InvoicesOut, InvoicePage, set()),
        (InvoiceOut, ShownInvoice, set()),
        (InvoiceLineOut, ShownLine, set()),
        (UpcomingInvoiceOut, UpcomingInvoiceView, set()),
        (ExplanationOut, ExplanationView, set()),
        (ExplainedChargeOut, ChargeView, set()),
        (InvoicedOut, InvoicedView, set()),
        (CoverageOut, CoverageShown, set()),
        (HostCoverageOut, HostCoverage, set()),
        (UnmappedPathOut, UnmappedPathOfHost, set()),
    ],
)
def test_a_body_shows_all_of_its_value(body: type[Body], value: Any, hidden: set[str]) -> None:  # noqa: ANN401 - any dataclass
    """What a view or a use case returns reaches the caller, but for what is named here."""
    assert {each.name for each in fields(value)} - hidden == {*body.model_fields}
