"""Announcements: what the table's stream tells the bus (DESIGN rule 17)."""
