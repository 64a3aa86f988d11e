"""Loaded before every test module."""

from functools import partial

import botocore.handlers

# moto answers the calls of sessions that are made after it was imported, and lambdas/shared/clients.py makes its own
# when imported: which test is collected first must not decide.
from moto.core.models import botocore_stubber

from tests.service_rules import unless_refused

# In moto's place, so that what AWS refuses has no effect in moto either.
_place = botocore.handlers.BUILTIN_HANDLERS.index(("before-send", botocore_stubber))
botocore.handlers.BUILTIN_HANDLERS[_place] = ("before-send", partial(unless_refused, botocore_stubber))
