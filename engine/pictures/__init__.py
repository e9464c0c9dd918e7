"""Picture files: reading those of people, writing finished ones. Never imports torch."""
