"""The rules of billing, as pure functions.

Nothing here knows AWS, Stripe or the clock: time is an argument, and what a rule needs is handed to it.
"""
