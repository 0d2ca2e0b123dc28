"""Quota: what is left of a metric, consumed and released (DESIGN rules 5 and 6)."""
