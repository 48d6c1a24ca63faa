/* The streams of a process that somebody else has (attachment.h) as descriptors, so that they are copied as those of a process of
 * our own (streams.h). Who has them may hand them over to another, as a davit in the foreground does to its heir: that one is
 * attached to then, and what is missed meanwhile stands in the log. On the loop of whoever attaches; nothing of it waits. */
#pragma once
#include "err.h"
#include "loop.h"

struct relay;
struct relay_told {
	void (*begun)(void *arg, int64_t at); /* once: as attachment_conf */
	void (*lost)(void *arg, uint64_t bytes, int64_t since, int64_t until);
	void (*ended)(void *arg);
	/* Who had the streams has gone, and somebody listens there: for the same process, or for that which came after it? To be
	 * answered, later, by relay_go_on(). NULL: the same. */
	void (*again)(void *arg);
	void *arg;
};
struct relay_lost {
	uint64_t bytes;
	int64_t since, until;
};
/* @ret_fds, each the caller's, non-blocking: where input is written to (-1 without @input), and what both outputs are read from;
 * of a @tty there is one. They end with the process's. Errors as attachment_new(). */
int relay_new(struct loop *, const char *socket, bool input, bool tty, const struct relay_told *, struct relay **ret,
	      int ret_fds[3], struct err *err);
void relay_go_on(struct relay *, bool same);
/* What we were too slow for at the end of all, of which lost() has not told: nothing came after it. @bytes 0: none was. */
struct relay_lost relay_lost_last(const struct relay *);
void relay_pause(struct relay *, bool on); /* as attachment_pause() */
bool relay_refused(const struct relay *);  /* it has ended since whoever listens takes no more */
void relay_free(struct relay *);
DEFINE_CLEANUP(struct relay, relay_free)
