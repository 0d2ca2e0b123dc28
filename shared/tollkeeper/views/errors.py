"""Why a user cannot be shown something, apart from the views so that nobody imports them to name an error."""


class NoUpcomingInvoiceError(Exception):
    """No bill is to come: there is no subscription that renews."""


class UnknownInvoiceError(Exception):
    """The invoice is not one of the caller's, whether it is anybody's or not."""


class AskedTooOftenError(Exception):
    """The user has had Stripe asked too often within a minute, by clicks of their own."""
