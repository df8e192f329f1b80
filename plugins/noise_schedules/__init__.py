"""Shipped noise schedules."""
