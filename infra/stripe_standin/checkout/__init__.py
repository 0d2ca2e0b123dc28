"""Checkout sessions, and what paying on their page makes."""
