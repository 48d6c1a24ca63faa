/* The output of a process whose streams are davit's (log-uri.h): the shim reads its pipes, and what comes goes to the log, to the
 * owner's FIFOs and to whoever is attached. Each turn of the loop takes a bounded piece of each pipe, and writes it to the log as
 * one write(2) of a file that it does not sync: a slow disk is the page cache's, and a full one loses lines, which are counted. One
 * that hangs altogether (a network's, away) hangs the shim: logs belong on the host's own. */
#pragma once
#include "loop.h"

struct output;
struct output_of {
	const char *id; /* of the container, for messages */
	const char *uri;
	bool both;  /* streams; else stdout alone, as of a terminal */
	int *input; /* the writing end of the process's input, which does not block, or -1; in its owner's place. It is closed
		       here when an owner that leaves ends it */
};
/* @ret_fds are what the process writes to, the caller's; [1] is -1 where there is one only. */
int output_new(struct loop *, const struct output_of *, struct output **ret, int ret_fds[2], struct err *err);
/* What stands in the pipes is taken, as far as an owner takes it. Was there anything? */
bool output_take(struct output *);
/* The process has ended: what it has written is taken; what others of its container write still comes. */
void output_ended(struct output *);
/* It had an owner, who has gone before its end: nobody will ask for it any more. */
bool output_is_orphan(const struct output *);
/* Before somebody else closes the input. */
void output_input_closes(struct output *);
void output_free(struct output *); /* takes what is left first; NULL is fine */
