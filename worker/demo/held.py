"""The mails that wait for staff when the demo begins."""

from __future__ import annotations
