"""Customers and subscriptions that Stripe had before Tollkeeper came, linked to the users they belong to.

`make adopt` says what it would link, and with `APPLY=1` links it; both can be repeated at will.
"""
