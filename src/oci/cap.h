/* Capabilities by name and number (linux/capability.h). */
#pragma once
#include "err.h"
#include "strv.h"
#include <stdint.h>

#define CAP_BIT(n) (UINT64_C(1) << (n))
extern const uint64_t cap_default; /* the usual 14 */
/* "NET_ADMIN", "cap_net_admin"; -ERR_INVALID suggests the nearest. "ALL" gives every known bit. */
int cap_parse(const char *s, uint64_t *ret_bits, struct err *err);
const char *cap_name(unsigned n); /* "CAP_CHOWN", NULL beyond the table */
/* Our own bounding set, as far as it is known to the table above. */
uint64_t cap_bounding(void);
