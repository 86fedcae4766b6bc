"""``privacy-desk newsletter ...``: topics, readers and newsletters from the command line.

Each function works on a desk, prints what it did, and returns nothing; a wrong input raises ConfigurationError.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo
