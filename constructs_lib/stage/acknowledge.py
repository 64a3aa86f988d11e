"""One way to accept a scanner's finding: on the construct it is about, with a reason, recorded in the template."""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from constructs import IConstruct

# The reason given for whatever AWS encrypts at rest by itself.
AWS_OWNED_KEY = (
    "AWS encrypts it at rest with a key of its own. A customer-managed key would cost a dollar a month, need a grant "
    "in each role, and keep out nobody whom the roles do not keep out already."
)
# The reason given for a grant on whatever is below a prefix of a bucket.
NAMES_UNKNOWN = "Objects have names nobody knows beforehand; the grant ends at the prefix."


def acknowledge(construct: IConstruct, reason: str, *rules: str) -> None:
    """Accept the findings `rules` on `construct`, for `reason`.

    A rule of cdk-nag is `<pack>-<rule>`, with `[finding]` where the rule has several; it is written out as
    `<pack>::<rule>`, because a bare id is taken for an annotation and leaves no audit record. A rule of checkov,
    `CKV_...`, becomes a skip in the metadata of the construct's own resource.
    """
    for rule in rules:
        if rule.startswith("CKV_"):
            _skip_checkov(cast(cdk.CfnResource, construct.node.default_child), rule, reason)
        else:
            pack = rule.split("-", 1)[0]
            cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=f"{pack}::{rule}", reason=reason))


def _skip_checkov(resource: cdk.CfnResource, rule: str, reason: str) -> None:
    skipped = (resource.get_metadata("checkov") or {}).get("skip", [])
    resource.add_metadata("checkov", {"skip": [*skipped, {"id": rule, "comment": reason}]})
