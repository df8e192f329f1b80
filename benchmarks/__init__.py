"""Benchmarks of scorebench itself: ratios to the floor, measured side by side in one run."""
