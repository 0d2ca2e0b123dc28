"""Customers, their payment methods, and the test cards behind these."""
