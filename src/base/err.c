#include "err.h"
#include "utf8.h"
#include <assert.h>
#include <stdarg.h>
#include <string.h>

static const char *const names[] = {
	"none",      "cancelled",       "unknown",           "invalid argument",   "deadline exceeded",
	"not found", "already exists",  "permission denied", "resource exhausted", "failed precondition",
	"aborted",   "out of range",    "unimplemented",     "internal",           "unavailable",
	"data loss", "unauthenticated",
};
enum { N_NAMES = sizeof names / sizeof *names };

const char *err_name(enum errc code)
{
	unsigned i = err_to_grpc(-(int)code);

	return names[i];
}

enum errc err_from_grpc(unsigned status)
{
	if (status == 0)
		return ERR_NONE;
	return status < N_NAMES ? (enum errc)(ERR_BASE + (int)status) : ERR_UNKNOWN;
}

unsigned err_to_grpc(int r)
{
	int i = -r - ERR_BASE;

	if (r >= 0)
		return 0;
	return i > 0 && i < N_NAMES ? (unsigned)i : (unsigned)(ERR_UNKNOWN - ERR_BASE);
}

static enum errc from_errno(int sys)
{
	switch (sys) {
	case ENOENT:
	case ESRCH:
	case ENODEV: return ERR_NOT_FOUND;
	case EEXIST: return ERR_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS: return ERR_PERMISSION;
	case EINVAL:
	case ENAMETOOLONG:
	case ENOTDIR:
	case EISDIR:
	case ELOOP: return ERR_INVALID;
	case ETIMEDOUT: return ERR_DEADLINE;
	case ECANCELED: return ERR_CANCELLED;
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
	case ENOTCONN: return ERR_UNAVAILABLE;
	case ENOSPC:
	case EMFILE:
	case ENFILE:
	case EDQUOT: return ERR_EXHAUSTED;
	case EBUSY:
	case ENOTEMPTY: return ERR_PRECONDITION;
	case ENOSYS:
	case EOPNOTSUPP: return ERR_UNIMPLEMENTED;
	default: return ERR_INTERNAL;
	}
}

int err_set(struct err *err, enum errc code, const char *fmt, ...)
{
	assert(code != ERR_NONE);
	if (err) {
		va_list ap;

		assert(err->code == ERR_NONE);
		err->code = code;
		va_start(ap, fmt);
		if (vsnprintf(err->msg, sizeof err->msg, fmt, ap) >= (int)sizeof err->msg)
			memcpy(err->msg + sizeof err->msg - 4, "...", 4);
		va_end(ap);
		utf8_disarm(err->msg);
	}
	return -(int)code;
}

int err_sys(struct err *err, int sys, const char *fmt, ...)
{
	char what[256];
	const char *why = strerrordesc_np(sys);
	va_list ap;

	if (err)
		err->sys = sys;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);

	return err_set(err, from_errno(sys), "%s: %s", what, why ? why : "unknown error");
}

int err_wrap(struct err *err, int r, const char *fmt, ...)
{
	char all[2 * sizeof err->msg + 2];
	size_t n, over;
	va_list ap;

	if (!err)
		return r;
	assert(err->code != ERR_NONE && r == -(int)err->code);
	va_start(ap, fmt);
	(void)vsnprintf(all, sizeof err->msg, fmt, ap);
	va_end(ap);
	n = strlen(all);
	n += (size_t)snprintf(all + n, sizeof all - n, ": %s", err->msg);

	over = n < sizeof err->msg ? 0 : n - (sizeof err->msg - 1);
	memcpy(err->msg, all + over, n - over + 1);
	if (over)
		memcpy(err->msg, "...", 3); /* the cause stands at the end: keep that */
	utf8_disarm(err->msg);
	return r;
}

int err_hint(struct err *err, int r, const char *fmt, ...)
{
	if (err && !err->hint[0]) {
		va_list ap;

		va_start(ap, fmt);
		(void)vsnprintf(err->hint, sizeof err->hint, fmt, ap);
		va_end(ap);
		utf8_disarm(err->hint);
	}
	return r;
}

/* @text: as others write of it, to whom only text is left. */
static const struct {
	int sys;
	const char *text, *remedy;
} remedies[] = {
	{ ENOENT, NULL, "check the path: ls -ld shows what there is" },
	{ ENOTDIR, NULL, "check the path: a file stands where a folder should" },
	{ ENOSPC, "no space left on device", "the disk is full: df -h shows which, davit system prune frees some" },
	{ EDQUOT, "disk quota exceeded", "the quota is used up: davit system prune frees some" },
	{ EROFS, "read-only file system", "it is mounted read-only: mount -o remount,rw, or name a place elsewhere" },
	{ ECONNREFUSED, "connection refused", "nothing listens there: start it, or check the address and the port" },
	{ EHOSTUNREACH, "no route to host", "check the network: ip route" },
	{ ENETUNREACH, "network is unreachable", "check the network: ip route" },
	{ EMFILE, "too many open files", "ulimit -n raises the limit" },
	{ EADDRINUSE, "address already in use", "ss -lntup shows who has it" },
};

const char *err_remedy(const struct err *err)
{
	for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
		if (err->sys ? err->sys == remedies[i].sys : remedies[i].text && strcasestr(err->msg, remedies[i].text) != NULL)
			return remedies[i].remedy;
	return NULL;
}
