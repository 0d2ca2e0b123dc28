"""The sandbox's own endpoints, under `/_sandbox/`: the clock, disturbances, faults, and what was asked."""

from collections.abc import Callable
from dataclasses import asdict
from fnmatch import fnmatchcase

from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from stripe import PaymentMethod, StripeObject

from infra.stripe_standin.account.state import Account, Dunning
from infra.stripe_standin.checkout import completion
from infra.stripe_standin.clocks.sandbox_clock import iso
from infra.stripe_standin.clocks.stops import Mover
from infra.stripe_standin.customers import customers, payment_methods
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.events.deliveries import Deliveries, Disturbance
from infra.stripe_standin.invoices import authentication
from infra.stripe_standin.products import discounts
from infra.stripe_standin.sandbox.settings import (
    AuthenticationSetting,
    ClockSetting,
    CouponSetting,
    DeliverySetting,
    DunningSetting,
    ExpirySetting,
    FaultSetting,
    FaultsSetting,
    FinalizationSetting,
    LimitsSetting,
    PaymentSetting,
    RoundingSetting,
    Setting,
)
from infra.stripe_standin.server import expansion
from infra.stripe_standin.server.api import Api
from infra.stripe_standin.server.faults import Fault
from infra.stripe_standin.server.limiters import Limits


class Sandbox:
    """Answers `/_sandbox/…`.

    Args:
        account: The state.
        api: Keeps the faults and the list of requests.
        deliveries: Keeps the disturbances.
        mover: Moves the clock.
    """

    def __init__(self, account: Account, api: Api, deliveries: Deliveries, mover: Mover) -> None:
        self._account = account
        self._api = api
        self._deliveries = deliveries
        self._mover = mover

    def routes(self) -> list[Route]:
        """The endpoints."""
        return [
            Route("/_sandbox/clock", self.clock, methods=["GET"]),
            Route("/_sandbox/clock", self.set_clock, methods=["PUT"]),
            Route("/_sandbox/deliveries", self.deliveries, methods=["GET", "PUT"]),
            Route("/_sandbox/faults", self.faults, methods=["GET", "PUT"]),
            Route("/_sandbox/limits", self.limits, methods=["GET", "PUT"]),
            Route("/_sandbox/dunning", self.dunning, methods=["GET", "PUT"]),
            Route("/_sandbox/finalization", self.finalization, methods=["GET", "PUT"]),
            Route("/_sandbox/rounding", self.rounding, methods=["GET", "PUT"]),
            Route("/_sandbox/requests", self.requests, methods=["GET", "DELETE"]),
            Route("/_sandbox/checkout/sessions/{session}/complete", self.complete, methods=["POST"]),
            Route("/_sandbox/customers/{customer}/discount", self.discount, methods=["POST"]),
            Route("/_sandbox/invoices/{invoice}/authenticate", self.authenticate, methods=["POST"]),
            Route("/_sandbox/payment_methods/{method}/replace", self.replace, methods=["POST"]),
        ]

    async def clock(self, _request: Request) -> Response:
        """What time it is; answered also while the clock moves, for whoever shares it."""
        return JSONResponse({"now": iso(self._account.clock.now()), "frozen": self._account.clock.frozen})

    async def set_clock(self, request: Request) -> Response:
        """Move the clock forward, stop by stop; answers when all that fell due on the way has happened."""
        try:
            setting = ClockSetting.model_validate_json(await request.body())
            stops = await self._mover.move(setting.now)
        except ValidationError as invalid:
            return _refused(_complaint(invalid), 422)
        except ValueError as backward:
            return _refused(str(backward), 400)
        now = iso(self._account.clock.now())
        return JSONResponse({"now": now, "frozen": True, "stops": [iso(stop) for stop in stops]})

    async def deliveries(self, request: Request) -> Response:
        """Show or set how webhook deliveries are disturbed."""

        def change(setting: DeliverySetting) -> None:
            self._deliveries.disturbance = Disturbance(**setting.model_dump())

        return await _shown_or_set(
            request,
            DeliverySetting,
            change,
            lambda: DeliverySetting(**asdict(self._deliveries.disturbance)),
        )

    async def faults(self, request: Request) -> Response:
        """Show or set the calls that fail on purpose."""

        def change(setting: FaultsSetting) -> None:
            self._api.faults.all = [Fault(**fault.model_dump()) for fault in setting.faults]

        def shown() -> FaultsSetting:
            left = [asdict(fault) for fault in self._api.faults.all if fault.count > 0]
            return FaultsSetting(faults=[FaultSetting(**fault) for fault in left])

        return await _shown_or_set(request, FaultsSetting, change, shown)

    async def limits(self, request: Request) -> Response:
        """Show or set how many calls pass."""

        def change(setting: LimitsSetting) -> None:
            self._api.limiters.limits = Limits(**setting.model_dump())

        return await _shown_or_set(
            request, LimitsSetting, change, lambda: LimitsSetting(**asdict(self._api.limiters.limits))
        )

    async def dunning(self, request: Request) -> Response:
        """Show or set how failed payments are retried."""

        def change(setting: DunningSetting) -> None:
            self._account.dunning = Dunning(
                tuple(setting.retry_days), setting.finally_, tuple(setting.one_off_retry_days)
            )

        def shown() -> DunningSetting:
            dunning = self._account.dunning
            return DunningSetting.model_validate(
                {
                    "retryDays": dunning.retry_days,
                    "finally": dunning.finally_,
                    "oneOffRetryDays": dunning.one_off_retry_days,
                }
            )

        return await _shown_or_set(request, DunningSetting, change, shown)

    async def requests(self, request: Request) -> Response:
        """List every request so far, oldest first (`?method=POST&path=/v1/customers*`), or forget them."""
        if request.method == "DELETE":
            self._api.calls.clear()
        method, path = request.query_params.get("method"), request.query_params.get("path", "*")
        found = [
            {to_camel(name): value for name, value in asdict(call).items()}
            for call in self._api.calls
            if method in (None, call.method) and fnmatchcase(call.path, path)
        ]
        return JSONResponse({"requests": found})

    async def finalization(self, request: Request) -> Response:
        """Show or set whether drafts fail to finalise."""

        def change(setting: FinalizationSetting) -> None:
            self._account.finalization_error = setting.error

        return await _shown_or_set(
            request,
            FinalizationSetting,
            change,
            lambda: FinalizationSetting(error=self._account.finalization_error),
        )

    async def rounding(self, request: Request) -> Response:
        """Show or set how fractions of cents on invoice items are rounded."""

        def change(setting: RoundingSetting) -> None:
            self._account.rounding = setting.mode

        return await _shown_or_set(
            request,
            RoundingSetting,
            change,
            lambda: RoundingSetting.model_validate({"mode": self._account.rounding}),
        )

    async def discount(self, request: Request) -> Response:
        """Give a customer a coupon, as in the Dashboard."""

        def give(setting: CouponSetting) -> StripeObject:
            customer = customers.living(self._account, request.path_params["customer"])
            discounts.give(self._account, customer, setting.coupon)
            return customer

        return await self._done(request, CouponSetting, give)

    async def complete(self, request: Request) -> Response:
        """Pay on a Checkout session's page."""

        def pay(setting: PaymentSetting) -> StripeObject:
            return completion.complete(
                self._account,
                request.path_params["session"],
                setting.card,
                setting.payment_method,
                setting.promotion_code,
                setting.tax_id.model_dump() if setting.tax_id else None,
                authenticated=setting.authenticated,
            )

        return await self._done(request, PaymentSetting, pay)

    async def authenticate(self, request: Request) -> Response:
        """Confirm or fail the payment of an invoice that waits for the customer."""

        def answer(setting: AuthenticationSetting) -> StripeObject:
            return authentication.authenticate(
                self._account, request.path_params["invoice"], succeeds=setting.succeeds
            )

        return await self._done(request, AuthenticationSetting, answer)

    async def replace(self, request: Request) -> Response:
        """Let a card's bank replace it, which Stripe is told of by the network.

        See docs.stripe.com/payments/cards/overview, "automatic card updates".
        """

        def renew(setting: ExpirySetting) -> StripeObject:
            method = self._account.get(PaymentMethod, request.path_params["method"])
            with self._account.changing("payment_method.automatically_updated", method):
                payment_methods.set_expiry(method, setting.exp_month, setting.exp_year)
            return method

        return await self._done(request, ExpirySetting, renew)

    async def _done[S: Setting](
        self, request: Request, kind: type[S], act: Callable[[S], StripeObject]
    ) -> Response:
        """Do what a person or a bank does, and answer with what it was done to."""
        try:
            changed = act(kind.model_validate_json(await request.body()))
        except ValidationError as invalid:
            return _refused(_complaint(invalid), 422)
        except RefusedError as refusal:
            return JSONResponse(refusal.body(), refusal.status)
        return JSONResponse(expansion.render(self._account, changed, []))


async def _shown_or_set[S: Setting](
    request: Request, kind: type[S], change: Callable[[S], None], shown: Callable[[], S]
) -> Response:
    if request.method == "PUT":
        try:
            change(kind.model_validate_json(await request.body()))
        except ValidationError as invalid:
            return _refused(_complaint(invalid), 422)
    return JSONResponse(shown().model_dump(by_alias=True))


def _complaint(invalid: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in invalid.errors())


def _refused(message: str, status: int) -> Response:
    return JSONResponse({"error": "sandbox_refused", "message": message}, status)
