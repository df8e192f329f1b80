"""Engines run cells, somewhere, and hand back what became of them. They never write results."""
