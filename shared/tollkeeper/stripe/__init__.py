"""Stripe: its events and signatures without the SDK, and the gateway, the only room that imports it."""
