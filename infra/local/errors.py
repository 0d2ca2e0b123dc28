"""What can go wrong on this machine."""


class LocalError(Exception):
    """Something did not start, deploy or settle. The message says what, and what to do about it."""
