"""``python -m s1card``."""

from s1card.cli import main

main()
