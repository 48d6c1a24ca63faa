#include "cli-console.h"
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int console_signals_take(enum console_signals which, struct console_was *was)
{
	static const int handed_on[] = { SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT }, ends[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGWINCH);
	for (size_t i = 0; which != CONSOLE_WINCH && i < sizeof handed_on / sizeof *handed_on; i++)
		(void)sigaddset(&set, handed_on[i]);
	for (size_t i = 0; which == CONSOLE_ALL && i < sizeof ends / sizeof *ends; i++)
		(void)sigaddset(&set, ends[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &was->mask);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		(void)sigprocmask(SIG_SETMASK, &was->mask, NULL);
	return fd;
}

static void console_signals_give_back(int fd, const struct console_was *was)
{
	(void)close(fd);
	(void)sigprocmask(SIG_SETMASK, &was->mask, NULL);
}

/* Without input only what is printed goes through as it is: the job's terminal has ended its lines already. */
static bool console_raw(int fd, bool input, struct console_was *was)
{
	struct termios t;

	if (tcgetattr(fd, &was->modes) < 0)
		return false;
	t = was->modes;
	if (input)
		cfmakeraw(&t);
	else
		t.c_oflag &= ~(tcflag_t)OPOST;
	return tcsetattr(fd, TCSADRAIN, &t) == 0;
}

static void console_restore(int fd, const struct console_was *was) { (void)tcsetattr(fd, TCSADRAIN, &was->modes); }

const struct console cli_console = {
	.signals_take = console_signals_take,
	.signals_give_back = console_signals_give_back,
	.raw = console_raw,
	.restore = console_restore,
};
