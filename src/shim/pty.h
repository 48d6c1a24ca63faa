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
/* Then, of the @left bytes: the rest of them is copied when the reader takes it, and @done(@arg), which may free it, is called;
 * from within, when there is nothing more. A reader that takes nothing is waited for, until pty_hurry() gives it PTY_LAST_S more.
 */
void pty_finish(struct pty *, size_t left, void (*done)(void *arg), void *arg);
void pty_hurry(struct pty *);
enum { PTY_LAST_S = 10 };
void pty_free(struct pty *);
