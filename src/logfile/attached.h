/* Who is attached to a process's output (attach.h has what they say): the end of whoever reads it, a shim of davit's, davit-logger,
 * or a davit in the foreground and its heir. */
#pragma once
#include "attach.h"
#include "loop.h"

struct attached_ops {
	int64_t (*settle)(void *arg); /* all that came before is in the log: the time of now */
	void (*close_input)(void *arg);
	void (*stay)(void *arg); /* the owner's leaving does not end the input */
	void *arg;
	const int *input; /* non-blocking, where what they write goes; -1: closed */
};
enum { ATTACHED_MAX = 16 /* at once: what is more is turned away */ };

struct attached;
/* Listens at @path. */
int attached_new(struct loop *, const char *path, const struct attached_ops *, struct attached **ret, struct err *err);
/* At most ATTACH_PIECE bytes for all of them; nobody is waited for. */
void attached_pass(struct attached *, enum log_stream, const char *p, size_t n);
/* Before the descriptor of the input is closed. */
void attached_input_closes(struct attached *);
/* The output has ended: the socket goes before the connections. NULL is fine. */
void attached_free(struct attached *);
/* Another listens there next: the socket stays for that one. */
void attached_leave(struct attached *);
