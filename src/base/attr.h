/* Compiler attributes, cleanup handlers and ownership helpers. Include first. */
#pragma once
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _must_check_ __attribute__((warn_unused_result))
#define _printf_(f, a) __attribute__((format(printf, f, a)))

/* Hand ownership on and leave the source empty. */
#define TAKE_PTR(p) \
	({ \
		__typeof__(p) *p_ = &(p); \
		__typeof__(p) v_ = *p_; \
		*p_ = NULL; \
		v_; \
	})
#define TAKE_FD(fd) \
	({ \
		int *f_ = &(fd); \
		int v_ = *f_; \
		*f_ = -EBADF; \
		v_; \
	})
#define TAKE_STRUCT(s) \
	({ \
		__typeof__(s) *s_ = &(s); \
		__typeof__(s) v_ = *s_; \
		*s_ = (__typeof__(s)){ 0 }; \
		v_; \
	})

/* Define free-and-ignore-NULL cleanup handler `fn##p` for `T *`. */
#define DEFINE_CLEANUP(T, fn) \
	static inline void fn##p(T **p) \
	{ \
		if (*p) \
			fn(*p); \
	}

static inline void freep(void *p) { free(*(void **)p); }
/* Empty afterwards, since the number may be another's at once. */
static inline void closep(int *fd)
{
	int e = errno;
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -EBADF;
	errno = e;
}
DEFINE_CLEANUP(FILE, fclose)
DEFINE_CLEANUP(DIR, closedir)

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
