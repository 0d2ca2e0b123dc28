"""Invoices: how they are drafted, finalised and collected."""
