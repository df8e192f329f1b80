"""What happens between a cell and its row."""
