"""``python -m worker.settings``: write the example file and the page of the documentation again, from the code."""

from __future__ import annotations

from pathlib import Path

from worker.settings.written import example, page

Path("config/worker.example.toml").write_text(example(), "utf-8")
Path("docs/settings.md").write_text(page(), "utf-8")
