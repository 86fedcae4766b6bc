"""What the desk understood and did, for people who watch it: mails, requests and audit entries in order."""

from __future__ import annotations
