# SPDX-License-Identifier: Apache-2.0
"""Makes what test machines start from, where it is not there yet: `python3 -m vm.prepare`."""

import signal

from package.root import cached_root
from vm.base import base_get

if __name__ == "__main__":
    # Told to end, it takes back what it has mounted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cached_root()
    base_get()
