"""Meters, the events they are told, and what they counted."""
