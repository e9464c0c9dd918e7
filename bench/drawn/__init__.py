"""The drawn model: held-out prompts and edits, the judges that never guide, and pixel tests."""
