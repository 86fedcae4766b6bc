"""The demo page: play a customer, and watch the desk."""

from __future__ import annotations
