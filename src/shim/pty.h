/* The terminal of a process: the engine sends its master over a socket, and the shim copies between it and the FIFOs. */
#pragma once
#include "buf.h"
#include "loop.h"

struct pty;
/* @in and @out are FIFOs as process-io.h opened them, borrowed until pty_free(); @ret_path is the socket for the engine,
 * borrowed.
 */
int pty_new(struct loop *, int in, int out, struct pty **ret, const char **ret_path, struct err *err);
void pty_resize(struct pty *, unsigned width, unsigned height);
/* The process has gone: what its terminal still has is copied, as far as the reader takes it, and at most *@left bytes, which goes
 * down: more than PTY_HOLDS were not there when it went, and others may write on for ever. True: the reader has taken all. */
bool pty_drain(struct pty *, size_t *left);
enum { PTY_HOLDS = 128 << 10 /* twice what the kernel keeps of a terminal's output */ };
void pty_free(struct pty *);
