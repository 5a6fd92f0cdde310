# SPDX-License-Identifier: Apache-2.0
from lab.fixtures import lab, module_lab, scratch  # noqa: F401
