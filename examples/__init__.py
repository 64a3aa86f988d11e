"""The constructs in other apps.

constructs_lib comes first: it points jsii at the Node that PyPI carries, before aws_cdk starts one.
"""

import constructs_lib as constructs_lib
