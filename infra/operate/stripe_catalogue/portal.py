"""What customers can do in Stripe's portal, and how that is told to Stripe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stripe.billing_portal import Configuration

from tollkeeper.catalogue import Catalogue
from tollkeeper.stripe.customer_port import PORTAL_MARK

if TYPE_CHECKING:
    from stripe.params.billing_portal import ConfigurationCreateParamsFeatures

BILLING_DETAILS = frozenset({"address", "email", "name", "phone"})
TAX_IDS = frozenset({"tax_id"})

AT_PERIOD_END = "at_period_end"


@dataclass(frozen=True, slots=True)
class Portal:
    """A configuration of the portal (docs.stripe.com/customer-management/configure-portal).

    Attributes:
        details: Which details of theirs customers can change.
        cards: Whether they can change what they pay with.
        invoices: Whether they see their invoices.
        cancelling: When what they cancel ends; None where they cannot.
        switching: Whether they can change plans or pause, of which the ledger would hear only afterwards.
        active: Whether sessions can be opened with it.
    """

    details: frozenset[str]
    cards: bool = True
    invoices: bool = True
    cancelling: str | None = AT_PERIOD_END
    switching: bool = False
    active: bool = True

    def __str__(self) -> str:
        parts = [
            *(["cards"] if self.cards else []),
            *(["invoices"] if self.invoices else []),
            *sorted(self.details),
            *([f"cancelling {self.cancelling.replace('_', ' ')}"] if self.cancelling else []),
            *(["switching plans"] if self.switching else []),
        ]
        return f"portal of {', '.join(parts) or 'nothing'}{'' if self.active else ' (inactive)'}"


@dataclass(frozen=True, slots=True)
class FoundPortal:
    """A configuration in Stripe: its id, and what it says."""

    id: str
    portal: Portal


def wanted_portal(catalogue: Catalogue) -> Portal:
    """Return what should be there: cards, invoices, billing details, cancelling at the period's end."""
    return Portal(BILLING_DETAILS | (TAX_IDS if catalogue.collect_tax_ids else frozenset()))


def found_among(configurations: Sequence[Configuration]) -> FoundPortal | None:
    """Return ours, by its mark, as the gateway finds it: of several the oldest that is active."""
    key, value = PORTAL_MARK
    ours = [each for each in configurations if each.metadata and each.metadata.to_dict().get(key) == value]
    found = min(ours, key=lambda each: (not each.active, each.created, each.id), default=None)
    return FoundPortal(found.id, _read(found)) if found else None


def _read(found: Configuration) -> Portal:
    of = found.features
    return Portal(
        details=frozenset(of.customer_update.allowed_updates if of.customer_update.enabled else ()),
        cards=of.payment_method_update.enabled,
        invoices=of.invoice_history.enabled,
        cancelling=of.subscription_cancel.mode if of.subscription_cancel.enabled else None,
        switching=of.subscription_update.enabled or of.subscription_pause.enabled,
        active=found.active,
    )


def features(wanted: Portal) -> "ConfigurationCreateParamsFeatures":
    """Return what Stripe is told of a portal."""
    return {
        "customer_update": {"enabled": bool(wanted.details), "allowed_updates": sorted(wanted.details)},
        "invoice_history": {"enabled": wanted.invoices},
        "payment_method_update": {"enabled": wanted.cards},
        "subscription_cancel": {
            "enabled": wanted.cancelling is not None,
            "mode": wanted.cancelling or AT_PERIOD_END,
        },
        "subscription_pause": {"enabled": wanted.switching},
        "subscription_update": {"enabled": wanted.switching},
    }
