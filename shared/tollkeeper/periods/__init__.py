"""The end of periods: closed once, and Stripe told (DESIGN rules 11 and 12)."""
