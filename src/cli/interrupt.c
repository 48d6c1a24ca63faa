#include "interrupt.h"
#include <stdint.h>
#include <sys/eventfd.h>

enum { PATIENCE = 3 };

static struct cancel token = { .fd = -1 };
static volatile sig_atomic_t times;

static void on_signal(int sig)
{
	int e = errno;
	uint64_t one = 1;

	if (++times >= PATIENCE)
		_exit(128 + sig);
	token.on = sig;
	(void)!write(token.fd, &one, sizeof one);
	errno = e;
}

const struct cancel *interrupt_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction old, act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (token.fd < 0)
		token.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &act, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	return &token;
}

struct ctx interrupt_ctx(void)
{
	return (struct ctx){ .cancel = &token };
}
