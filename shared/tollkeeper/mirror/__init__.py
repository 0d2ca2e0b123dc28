"""Usage, as Stripe is shown it."""
