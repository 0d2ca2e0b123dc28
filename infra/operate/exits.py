"""How a command ends: its exit code, and the sentence that goes with each failure. All of them, here."""

from enum import IntEnum

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
from stripe import StripeError

from tollkeeper.catalogue import CatalogueError
from tollkeeper.ledger.table import UnavailableError
from tollkeeper.settings import SettingsError
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError


class Exit(IntEnum):
    """What the exit code of every command says. `docs/operating.md` lists them."""

    WELL = 0
    """It is done, and nothing waits for a person."""
    LOOK = 1
    """It is done, and there is something to see to, which it has named."""
    UNFIT = 2
    """Nothing was done: the command line is wrong, or something has to be set first."""
    NO_ANSWER = 3
    """AWS or Stripe did not answer, or refused. It can be run again, and goes on where it stopped."""
    STOPPED = 130
    """Somebody stopped it. It can be run again, and goes on where it stopped."""


class UnfitError(Exception):
    """It cannot be done like this; the message says what to do."""


class FailedError(Exception):
    """A function of the stack failed; the message says what it said."""


NO_ACCOUNT = "AWS is not set up here ({}): choose a profile (AWS_PROFILE=…), or run `aws configure sso`."
AGAIN = "Run it again: what is done is not done twice."

FAILURES = (
    UnfitError,
    FailedError,
    SettingsError,
    CatalogueError,
    StripeUnavailableError,
    UnavailableError,
    StripeRefusedError,
    StripeError,
    BotoCoreError,
    ClientError,
)
"""What may come of a command that is not its answer."""


def said_of(error: Exception) -> tuple[Exit, str]:
    """Return how a command ends that failed, and what to print."""
    match error:
        case UnfitError() | SettingsError() | CatalogueError():
            return Exit.UNFIT, str(error)
        case NoCredentialsError() | NoRegionError():
            return Exit.UNFIT, NO_ACCOUNT.format(error)
        case StripeUnavailableError() | UnavailableError():
            return Exit.NO_ANSWER, f"No answer: {error}\n{AGAIN}"
        case StripeError() | StripeRefusedError():
            return Exit.NO_ANSWER, f"Stripe: {error}\n{AGAIN}"
        case FailedError():
            return Exit.NO_ANSWER, str(error)
        case _:
            return Exit.NO_ANSWER, f"AWS: {error}\n{AGAIN}"
