/* Which boot of the machine this is. */
#pragma once

/* The kernel's name for it, another after each boot; the caller frees. NULL where the kernel does not say. */
char *boot_id(void);
