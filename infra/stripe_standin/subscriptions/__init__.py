"""Subscriptions: how they begin, turn, change and end."""
