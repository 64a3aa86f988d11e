"""What is deployed: one construct a file. Importing the package points jsii at the Node that PyPI carries.

jsii starts Node when aws_cdk is imported, so this stands before every import of aws_cdk; Python alone is then enough.
A JSII_NODE that is set already wins.
"""

import os

from constructs_lib.node import NODE

os.environ.setdefault("JSII_NODE", str(NODE))
