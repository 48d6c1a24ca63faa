/* A results directory: what a task writes, byte by byte and whole, as DIR/stdout.log and DIR/stderr.log. It is the user's: nothing
 * of davit's rotates or removes it, and a later start of the job goes on at its end.
 *
 * DIR may be mounted into the job, whose processes can put anything there. So no link is followed on the way to it or in it, and
 * written is only what is a regular file of one name. */
#pragma once
#include "err.h"
#include "logfile.h"

struct results_made {
	bool file[2], folder;
	size_t there; /* so many bytes of the folder's path were there before */
};

/* Makes DIR (0700, and what is missing on the way to it 0755) and its files (0600) where they are not there. @tty: there is no
 * stderr.log. -ERR_INVALID for what cannot be one; nothing of it stays then. */
int results_make(const char *dir, bool tty, struct results_made *ret, struct err *err);
/* Of a job that never ran: as far as nothing was written. */
void results_unmake(const char *dir, const struct results_made *);

struct results;
/* What is not there yet is made when there is something for it. @lost (NULL: none): a file of ours that is made when something is
 * lost, and says why. */
struct results *results_new(const char *dir, const char *lost);
/* As logfile_share() and logfile_inherit(). */
void results_share(struct results *, struct ledger *);
void results_inherit(struct results *);
/* Nothing waits for the file. Bytes that it does not take (a full disk) are lost, and later ones are tried anew; of the first loss
 * it returns why, of the others 0. NULL is fine. */
int results_write(struct results *, enum log_stream, const char *p, size_t n, struct err *err);
/* The same, and the loss is said in @log; where that is NULL it returns why. */
int results_keep(struct results *, struct logfile *log, enum log_stream, const char *p, size_t n, struct err *err);
void results_free(struct results *);
DEFINE_CLEANUP(struct results, results_free)
