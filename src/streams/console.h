/* What a job in the foreground does to the whole process that shows it, and so is the face's to do, as the heir's fork is
 * (run/heir-fork.h): signals are read instead of being delivered, and the terminal hands on each key. A process with threads, or
 * whose terminal is nobody's, has none. */
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <termios.h>

/* How it was before; each of the two pairs of functions has its own part. */
struct console_was {
	sigset_t mask;
	struct termios modes;
};

enum console_signals {
	CONSOLE_WINCH,
	CONSOLE_ALL,      /* whatever is for the job */
	CONSOLE_BUT_ENDS, /* those among them that do not end the process as an interrupt does */
};
struct console {
	/* From now on those, SIGWINCH among them, are read (struct signalfd_siginfo) from the descriptor that is returned, which
	 * does not block; -1: all is as it was. */
	int (*signals_take)(enum console_signals, struct console_was *);
	void (*signals_give_back)(int fd, const struct console_was *); /* closes @fd */
	/* Terminal @fd hands on keys as they are pressed and output as it is; without @input the output alone. False: it is none.
	 */
	bool (*raw)(int fd, bool input, struct console_was *);
	void (*restore)(int fd, const struct console_was *);
};
