"""Shipped score models."""
