"""Plays sample mails through the real servers to their end, and checks each end."""

from __future__ import annotations
