"""The tests, a folder for each kind."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
