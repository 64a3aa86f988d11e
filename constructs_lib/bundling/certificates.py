"""The certificate authorities that AWS's endpoints chain to, picked out of botocore's list of 126.

Every new TLS connection loads the whole list again, about 14 ms of CPU, and a cold start opens three. These five are
the ones to trust where a list is kept short (Amazon Trust Services, "Repository: Trust store and pinning
recommendations"). `lambdas/shared/clients.py` says where the short list is not enough.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from pathlib import Path

from constructs_lib.errors import SynthError

FILE = "aws-roots.pem"
# SHA-256 of the certificates, as on that page.
_FINGERPRINTS = {
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e": "Amazon Root CA 1",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4": "Amazon Root CA 2",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4": "Amazon Root CA 3",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092": "Amazon Root CA 4",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5": "Starfield Services Root CA - G2",
}
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class RootsError(SynthError):
    """A root that AWS uses is not in botocore's list; the message names it."""


def write_roots(folder: Path) -> None:
    """Write the short list beside the packages in `folder`, where botocore is installed. Raises RootsError."""
    every = (folder / "botocore" / "cacert.pem").read_text(encoding="ascii", errors="replace")
    found: dict[str, str] = {}
    for text in _CERTIFICATE.findall(every):
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
        if fingerprint in _FINGERPRINTS:
            found[fingerprint] = text
    missing = [name for fingerprint, name in _FINGERPRINTS.items() if fingerprint not in found]
    if missing:
        raise RootsError(
            f"botocore/cacert.pem no longer holds {missing[0]}: see constructs_lib/bundling/certificates.py."
        )
    (folder / FILE).write_text("\n".join(found.values()) + "\n", encoding="ascii")
