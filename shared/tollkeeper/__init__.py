"""Tollkeeper: exact usage billing for a SaaS on Stripe and AWS."""

__version__ = "0.1.0"
