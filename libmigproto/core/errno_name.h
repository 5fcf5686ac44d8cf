/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CORE_ERRNO_NAME_H
#define MIGP_CORE_ERRNO_NAME_H

/*
 * strerror() depends on the locale and strerrorname_np() is glibc's, so the
 * names that drivers and servers answer with stand in a table.
 */

/* "EIO"; something readable for a number that is not in the table. Static. */
const char *migp_errno_name(int number);

/* The number of a name of n characters, 0 if there is none. */
int migp_errno_number(const char *name, unsigned long n);

#endif
