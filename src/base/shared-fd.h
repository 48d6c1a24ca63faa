/* A descriptor that we have in common with others, as 0, 1 and 2 with the shell and the next program of its pipe: used without ever
 * blocking, and without O_NONBLOCK on what they use too. */
#pragma once
#include "attr.h"
#include <stdbool.h>
#include <sys/types.h>

struct shared_fd {
	int fd;  /* to poll; -1: none */
	int own; /* an opening of our own of what stands behind it, which may be non-blocking; -1: none */
	enum { SHARED_PLAIN, SHARED_OWN, SHARED_SOCKET, SHARED_CAREFUL } how;
};

/* @access: O_RDONLY or O_WRONLY. @fd stays the caller's. */
void shared_fd_init(struct shared_fd *, int fd, int access);
/* As read(2) and write(2) of a non-blocking descriptor: errno EAGAIN when it would block. Files never would. */
ssize_t shared_fd_read(const struct shared_fd *, void *p, size_t n);
ssize_t shared_fd_write(const struct shared_fd *, const void *p, size_t n);
void shared_fd_done(struct shared_fd *);
