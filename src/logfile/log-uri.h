/* davit-log://PATH?KEY=VALUE&...: where davit's own shim puts the output of a process of davit's. What other shims are given as
 * stdout and stderr is a FIFO, or the logger that they start; this shim reads the process's pipes itself, and neither who reads,
 * nor who does not, nor the disk stops the process any longer than is said here. The URI is the same for stdout and stderr.
 *
 * | key | what |
 * |---|---|
 * | PATH | the log (logfile.h); empty: there is none |
 * | size, files | its rotation, as logfile_open() has them |
 * | results | a folder that gets all bytes, whoever reads them (results.h) |
 * | lost | a file that says why those lack something |
 * | unread | "1": the log gets only what nobody reads |
 * | out, err | FIFOs of an *owner*, a davit in the foreground that has them open for reading: what is slow to be read slows the
 *   process down, as a pipe does. Once nobody has them open any more the owner has gone, for good: what comes from then on, and
 * what stands in the FIFOs with "unread", goes to the log, or is dropped and counted where there is none, and the process's input
 * ends | | kept | "1": the FIFOs are somebody else's, who may leave and return: they are kept open for reading too, and what nobody
 * reads waits in them and slows the process down. There is no owner then | | attach | the socket that others attach to (attach.h) |
 * | after | a program and, in further ones, its arguments: to be run when the process has ended and no owner sees it; again, later
 * and later, while it fails and the process is not deleted |
 *
 * As the address of stdin: a pipe that whoever attaches may write to, and that stays open when they leave. */
#pragma once
#include "err.h"
#include "strv.h"
#include <stdint.h>

#define LOG_URI "davit-log://"

struct log_uri {
	char *path; /* NULL: none, as of the other texts */
	int64_t size, files;
	bool unread, kept;
	char *out, *err, *attach, *results, *lost;
	struct strv after;
};
void log_uri_done(struct log_uri *);

bool log_uri_is(const char *address);
/* Absent keys are empty or 0, unknown ones are for a later shim and say nothing. -ERR_INVALID for a number that is none, a path
 * that is not absolute, and what is longer or has more words than anybody needs. */
int log_uri_parse(const char *uri, struct log_uri *ret, struct err *err);
char *log_uri_make(const struct log_uri *); /* the caller frees */
