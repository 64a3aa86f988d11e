"""The constructs in apps that are not this one's own.

constructs_lib comes first: it points jsii at the Node that PyPI carries, before aws_cdk starts one.
"""

import constructs_lib as constructs_lib
