"""Casework: look up, decide, commit. One module per family of verbs."""
