/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_VM_DATA_FD_H
#define MIGP_TESTS_VM_DATA_FD_H

#include "table.h"

/* What can be done with a data fd is what the row "datafd_..." says: waiting,
 * flags, seeking, mapping, splicing. Changes nothing and moves no data. */
void data_fd_check(int fd, bool writable, const struct table_row *row);

#endif
