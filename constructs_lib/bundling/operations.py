"""What each function calls on AWS, and so all that its bundle must be able to: botocore's data is cut down to it.

A call that is missing here fails with AttributeError the first time it is made, which for a rare path may be months
after the deployment. Two tests keep the list true: each call is made once from inside the real bundle, and the list is
what the function's role is granted.
"""

from __future__ import annotations

from collections.abc import Mapping

# service -> operations, as the AWS API calls them
Operations = Mapping[str, tuple[str, ...]]

OPERATIONS: Mapping[str, Operations] = {
    "ingest": {
        "dynamodb": ("BatchWriteItem",),
        "events": ("PutEvents",),
        "s3": ("GetObject", "PutObject"),
        "ssm": ("GetParameter",),
    },
    "alert": {
        "dynamodb": ("GetItem", "PutItem", "Query", "UpdateItem"),
        "sns": ("Publish",),
        "ssm": ("GetParameter",),
    },
}
