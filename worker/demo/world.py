"""Puts mail servers, customers and the desk together in a temporary folder, on loopback."""

from __future__ import annotations
