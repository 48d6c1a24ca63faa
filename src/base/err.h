/* Errors: a code to branch on, a message for people, a remedy where there is one. */
#pragma once
#include "attr.h"

/* The canonical gRPC status codes plus ERR_BASE, so that a stray -errno (1 to 133) is never taken for one;
 * err_from_grpc() and err_to_grpc() convert at the wire, nowhere else. */
enum { ERR_BASE = 1000 };
enum errc {
	ERR_NONE = 0,
	ERR_CANCELLED = ERR_BASE + 1,
	ERR_UNKNOWN,
	ERR_INVALID,
	ERR_DEADLINE,
	ERR_NOT_FOUND,
	ERR_EXISTS,
	ERR_PERMISSION,
	ERR_EXHAUSTED,
	ERR_PRECONDITION,
	ERR_ABORTED,
	ERR_RANGE,
	ERR_UNIMPLEMENTED,
	ERR_INTERNAL,
	ERR_UNAVAILABLE,
	ERR_DATA_LOSS,
	ERR_UNAUTHENTICATED,
};

/* Caller-owned, allocation-free, copyable between threads. */
struct err {
	enum errc code;
	int sys;        /* errno that caused it, or 0 */
	int exit_code;  /* what a command exits with because of it: 126, 127; 0: the face's own choice */
	char msg[1000]; /* "outer: inner: cause"; when it does not fit, context in front of the cause gives way to "..." */
	char hint[200]; /* what mends it, a command where possible; "" when unknown */
};
#define ERR_INIT \
	{ \
		.code = ERR_NONE \
	}

/* Set an error that was not set before; return -code. @err may be NULL. What may not be shown (utf8.h) becomes '?':
 * messages carry peers' and users' bytes, and none of them may start a new line or move the cursor. */
int err_set(struct err *err, enum errc code, const char *fmt, ...) _printf_(3, 4);

/* Same from an errno value: maps ENOENT to ERR_NOT_FOUND etc., appends the errno's text. */
int err_sys(struct err *err, int sys, const char *fmt, ...) _printf_(3, 4);

/* Prefix context onto the error @r came with; return @r. */
int err_wrap(struct err *err, int r, const char *fmt, ...) _printf_(3, 4);

/* Add the remedy unless one is there: the innermost knows best. Returns @r. */
int err_hint(struct err *err, int r, const char *fmt, ...) _printf_(3, 4);

/* What mends most errors of this cause, where err->hint is empty: of an errno, or of what containerd and the engine write of
 * one. NULL: nothing is known. For whoever prints the error. */
const char *err_remedy(const struct err *err);

/* Forget an error that was dealt with, so that the next may be set. */
static inline void err_clear(struct err *err)
{
	if (err)
		*err = (struct err)ERR_INIT;
}

enum errc err_from_grpc(unsigned status); /* an unknown status is ERR_UNKNOWN */
unsigned err_to_grpc(int r);              /* r as returned by a function of ours */
const char *err_name(enum errc code);
