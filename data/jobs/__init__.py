"""The stored jobs: their rows and files, who works on them, and their disk space."""
