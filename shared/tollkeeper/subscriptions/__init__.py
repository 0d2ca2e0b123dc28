"""Subscriptions: checkout, what Stripe says now, and what is done about it (DESIGN rule 10)."""
