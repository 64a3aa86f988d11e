"""One way to accept a cdk-nag finding: on the construct it is about, with a reason, recorded."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, reason: str, *rules: str) -> None:
    """Accept the findings `rules` (`<pack>-<rule>`, `[finding]` where the rule has several) on `construct`.

    The id is written out as `<pack>::<rule>`: a bare one is taken for an annotation and leaves no audit record.
    """
    for rule in rules:
        pack = rule.split("-", 1)[0]
        cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=f"{pack}::{rule}", reason=reason))
