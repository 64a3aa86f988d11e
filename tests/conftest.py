"""Loaded before every test module."""

# moto answers the calls of sessions that are made after it was imported, and lambdas/shared/clients.py makes its own
# when imported: which test is collected first must not decide.
import moto.core.models  # noqa: F401
