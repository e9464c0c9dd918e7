"""What is stored about a person: exporting and deleting it, and names that hide identities."""
