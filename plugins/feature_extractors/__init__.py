"""Shipped feature extractors."""
