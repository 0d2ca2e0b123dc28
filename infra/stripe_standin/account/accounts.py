"""The account itself (docs.stripe.com/api/accounts)."""

from stripe import Account as StripeAccount
from stripe.params._account_retrieve_current_params import AccountRetrieveCurrentParams

from infra.stripe_standin.account.shapes import make
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.server.routes import Routes

routes = Routes()

ID = "acct_standin"


@routes.get("/v1/account", AccountRetrieveCurrentParams)
def retrieve_current(_account: Account, _params: AccountRetrieveCurrentParams) -> StripeAccount:
    """Retrieve the account that the key is of (docs.stripe.com/api/accounts/retrieve)."""
    return make(
        StripeAccount,
        id=ID,
        charges_enabled=True,
        country="US",
        default_currency="usd",
        details_submitted=True,
        metadata={},
        payouts_enabled=True,
        type="standard",
    )
