"""What can go wrong when usage is reported, apart so that nobody imports the models to name an error."""


class TooManyRecordsError(Exception):
    """One body holds more records than are judged at once. None of them was taken."""


class NotQueuedError(Exception):
    """The queue did not take it. The same call may succeed in a moment."""
