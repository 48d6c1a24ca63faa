/* seccomp profiles: the default one, an allow list by the capabilities given (our own table), and files. */
#pragma once
#include "buf.h"
#include "err.h"
#include <stdint.h>

/* Appends the value of linux.seccomp for a process with @caps (bit n = capability n). Unlisted calls give EPERM; clone3
 * gives ENOSYS unless CAP_SYS_ADMIN, so that the C library falls back to clone, whose flags a filter can see, and so does
 * socketcall, whose arguments no filter sees. docs/security.md has what differs from Docker's and containerd's. */
void seccomp_default(uint64_t caps, struct buf *out);
/* The same for another @machine, by Go's name: "amd64", "arm64", "riscv64"; any other has what all have. */
void seccomp_default_of(const char *machine, uint64_t caps, struct buf *out);
/* A profile in Docker's or OCI's form (at most 1 MiB), made into the same. @said: its file, or itself where it begins with "{". */
int seccomp_load(const char *said, uint64_t caps, struct buf *out, struct err *err);
/* A profile's file as such a text. Its rules are not looked at. */
int seccomp_read(const char *path, struct buf *out, struct err *err);
