"""Tollkeeper: exact usage billing for a SaaS on Stripe and AWS."""

__version__ = "1.0.0"
