"""Open what age sealed, from standard input to standard output, with the secret keys that come by a pipe.

It is a program of its own, since age would keep everything else in ours from running while it works.
"""

from __future__ import annotations

import os
import sys

import pyrage
from pyrage import x25519

BUFFER = 1 << 20
REFUSED = 3


def main(keys: int) -> int:
    """Open it; REFUSED, with the reason on standard error, where that cannot be."""
    with os.fdopen(keys) as file:
        identities = [x25519.Identity.from_str(line) for line in file.read().split()]
    try:
        with open(0, "rb", BUFFER) as sealed, open(1, "wb", BUFFER) as plain:
            pyrage.decrypt_io(sealed, plain, identities)
    except (pyrage.DecryptError, OSError) as error:
        if "Broken pipe" in str(error):
            return 0  # the reader wants no more of it
        sys.stderr.write(str(error))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
