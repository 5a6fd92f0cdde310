# SPDX-License-Identifier: Apache-2.0
"""Makes and installs what tests want to find, where it is not there yet: `python3 -m vm.prepare`."""

import signal

from lab import s3rver
from package.root import cached_root
from vm.base import base_get

if __name__ == "__main__":
    # Told to end, it takes back what it has mounted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    s3rver.installed()
    cached_root()
    base_get()
