"""``python -m scorebench``: the command line."""

from scorebench.cli import main

main()
