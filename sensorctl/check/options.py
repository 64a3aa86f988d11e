"""How `sensorctl check` judges files, and how much of them it shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """Overrides of the upload's defaults."""

    source: Annotated[
        str | None, typer.Option(help="The device that uploads them, where a device may upload only its own readings.")
    ] = None
    show: Annotated[bool, typer.Option("--show", help="Show the first readings and rejects of each file.")] = False
    first: Annotated[int | None, typer.Option(min=1, help="Show so many; 10 with --show alone.")] = None
    mappings: Annotated[Path | None, typer.Option(help="A mappings.json to use instead of the repository's.")] = None
    thresholds: Annotated[Path | None, typer.Option(help="The same for a thresholds.json.")] = None
    key: Annotated[
        str | None, typer.Option("--as", help="The object's key, as mappings see it; else its folder and name.")
    ] = None

    @property
    def shown(self) -> int:
        """How many readings and rejects of each file are shown."""
        return self.first or (10 if self.show else 0)
