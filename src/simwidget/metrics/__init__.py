"""Metrics: one float an item."""
