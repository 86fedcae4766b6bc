"""Engines: what wakes the work that rows promise."""
