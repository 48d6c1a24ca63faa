/* Something has changed about a job that has a monitor, which no event of containerd's tells of: a person has stopped it, it was
 * started again, its monitor has come or gone. Whoever changes it touches the file of the monitor's lock (monitored_poke()); who
 * waits for it sees that by inotify(7). */
#pragma once
#include "loop.h"

struct poke {
	int fd;
	struct watch watch;
	bool seen;
};
/* From here on. -ERR_NOT_FOUND: it has no monitor, nor had one that was killed. */
int poke_init(struct poke *, struct loop *, const char *path, struct err *err);
void poke_done(struct poke *);
