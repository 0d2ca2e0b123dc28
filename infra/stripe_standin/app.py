"""The stand-in as one Starlette application."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.stripe_standin.account import accounts
from infra.stripe_standin.account.background import Background
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.checkout import checkout_sessions
from infra.stripe_standin.clocks import test_clocks
from infra.stripe_standin.clocks.sandbox_clock import SandboxClock
from infra.stripe_standin.clocks.stops import Mover
from infra.stripe_standin.customers import customers, payment_methods
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.events import event_destinations, events, thin_events, webhook_endpoints
from infra.stripe_standin.events.deliveries import Deliveries
from infra.stripe_standin.invoices import (
    bulk_lines,
    credit_notes,
    invoice_items,
    invoice_previews,
    invoices,
    own_drafts,
    refunds,
)
from infra.stripe_standin.meters import meter_events, meters
from infra.stripe_standin.pages.checkout import CheckoutPage
from infra.stripe_standin.pages.hosted_invoice import InvoicePage
from infra.stripe_standin.pages.portal import PortalPage
from infra.stripe_standin.portal import portal_configurations, portal_sessions
from infra.stripe_standin.products import discounts, prices, products, tax_rates
from infra.stripe_standin.sandbox.endpoints import Sandbox
from infra.stripe_standin.server.api import Api, gather
from infra.stripe_standin.subscriptions import (
    billing_cycle,
    cancellations,
    pending_updates,
    subscription_changes,
    subscription_items,
    subscription_schedules,
    subscriptions,
)

NOUNS = (
    accounts,
    bulk_lines,
    checkout_sessions,
    credit_notes,
    customers,
    discounts,
    event_destinations,
    events,
    invoice_items,
    invoices,
    invoice_previews,
    meter_events,
    meters,
    own_drafts,
    payment_methods,
    portal_configurations,
    portal_sessions,
    prices,
    products,
    refunds,
    cancellations,
    subscription_schedules,
    subscription_changes,
    subscription_items,
    subscriptions,
    tax_rates,
    test_clocks,
    thin_events,
    webhook_endpoints,
)

PAGES = (CheckoutPage, PortalPage, InvoicePage)

AGENDAS = (
    pending_updates.due,
    subscription_schedules.due,
    billing_cycle.due,
    invoices.due,
    checkout_sessions.due,
)
"""What falls due by itself; of one instant, earlier nouns first."""


def create_app(
    *,
    clock: SandboxClock,
    public_url: str,
    on_stop: Callable[[datetime], Awaitable[None]] | None = None,
) -> Starlette:
    """A new, empty Stripe account behind an HTTP application.

    Point the SDK at it with `StripeClient("sk_test_x", base_addresses={"api": public_url})`.

    The application's lifespan must run (uvicorn runs it; a composing application mounts this one and enters
    `app.router.lifespan_context(app)` in its own lifespan). Serve it in one process, on loopback only.

    Args:
        clock: The sandbox clock, running or standing.
        public_url: Where browsers and clients reach the application, without a trailing slash.
        on_stop: Awaited at each stop while `PUT /_sandbox/clock` moves the clock, with the stop's instant,
            after Stripe's own work and deliveries. Time stands still meanwhile; requests are answered.
    """
    background = Background()
    account = Account(clock=clock, public_url=public_url, background=background)
    deliveries = Deliveries(account)
    account.tell, account.tell_thin = deliveries.tell, deliveries.tell_thin
    api = Api(account, gather(noun.routes for noun in NOUNS))
    account.agendas = AGENDAS
    mover = Mover(account, on_stop)
    sandbox = Sandbox(account, api, deliveries, mover)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(mover.run())
        yield
        running.cancel()
        background.stop()
        await deliveries.close()

    everything = ["GET", "POST", "DELETE", "PUT", "PATCH"]
    return Starlette(
        routes=[
            *sandbox.routes(),
            *(route for page in PAGES for route in page(account).routes()),
            Route("/{path:path}", api.handle, methods=everything),
        ],
        lifespan=lifespan,
        exception_handlers={Exception: _broken},
    )


async def _broken(_request: Request, error: Exception) -> Response:
    """An error of the stand-in's own is told as such; the server logs where it came from."""
    refusal = RefusedError(f"The Stripe stand-in broke: {error!r}", status=500, kind="api_error")
    return JSONResponse(refusal.body(), refusal.status)
