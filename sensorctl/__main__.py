"""`python -m sensorctl`."""

from sensorctl.cli import main

main()
