#include "interrupt.h"
#include "clock.h"
#include <stdint.h>
#include <sys/eventfd.h>

/* timeout(1) and shells signal a process and then its group: that is one press of a key. */
enum { SAME_MS = 200 };

static struct cancel token = { .fd = -1 };
static int64_t first; /* when the first one came; only the handler uses it, which blocks all that have it */

static void interrupt_on_signal(int sig)
{
	int e = errno;
	uint64_t one = 1;

	if (token.on && clock_mono() - first > SAME_MS * NSEC_PER_MSEC)
		_exit(128 + sig);
	if (!token.on)
		first = clock_mono();
	token.on = sig;
	(void)!write(token.fd, &one, sizeof one);
	errno = e;
}

const struct cancel *interrupt_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction old, act = { .sa_handler = interrupt_on_signal, .sa_flags = SA_RESTART };

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		(void)sigaddset(&act.sa_mask, signals[i]);
	if (token.fd < 0)
		token.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &act, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ,
		     SIG_IGN); /* a file that may not grow is told of; what davit starts has both signals as ever (launch.c) */
	return &token;
}

struct ctx interrupt_ctx(void) { return (struct ctx){ .cancel = &token }; }
