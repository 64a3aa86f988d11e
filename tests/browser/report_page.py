"""A report that a browser has opened, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A page, and what it has asked for and complained about since it was opened."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


# A file (the sample by default) and the options of a browser context: viewport, color_scheme, timezone_id.
Open = Callable[..., Opened]
