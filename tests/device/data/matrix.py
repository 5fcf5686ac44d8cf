#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn what a kernel answered into lines that a C test reads:

    matrix.py < fsm-matrix-mtty-1.json > mtty-1-matrix.txt

One line for each state and each request: how the state was come to, the state
asked for, errno, the state afterwards, whether a data fd came, errno of
PRECOPY_INFO on the session's fd (the new one, else the old one; "-": there was
none), errno of a read or write of nothing on the old fd ("-": there was none).
"""

import json
import sys

print("# SPDX-License-Identifier: MIT")
print("# Made of fsm-matrix-mtty-1.json by matrix.py; see there.")
for row in json.load(sys.stdin)["fsm_matrix"]:
    print(row["from"].replace(" ", "_"), row["to_value"], row["errno_name"],
          row["state_after"], int(row["data_fd"] != "-1"),
          row.get("precopy_info_errno", "-"),
          row.get("old_fd_zero_len_io", "-"))
