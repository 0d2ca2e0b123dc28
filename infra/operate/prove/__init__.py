"""One period, derived anew from its records, beside what was billed."""
