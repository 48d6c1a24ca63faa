#include "test.h"
#include "cli-console.h"
#include <pty.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void signals_are_read_until_they_are_given_back(void **state)
{
	static const struct {
		enum console_signals which;
		int signal;
	} rows[] = { { CONSOLE_ALL, SIGUSR1 },
		     { CONSOLE_ALL, SIGTERM },
		     { CONSOLE_ALL, SIGWINCH },
		     { CONSOLE_WINCH, SIGWINCH },
		     { CONSOLE_BUT_ENDS, SIGUSR1 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct console_was was;
		struct signalfd_siginfo si = { 0 };
		sigset_t before, now;
		int fd;

		(void)sigprocmask(SIG_BLOCK, NULL, &before);
		fd = cli_console.signals_take(rows[i].which, &was);
		assert_true(fd >= 0);
		assert_int_equal(read(fd, &si, sizeof si), -1); /* it does not block */
		assert_int_equal(raise(rows[i].signal), 0);
		assert_int_equal(read(fd, &si, sizeof si), sizeof si);
		assert_int_equal(si.ssi_signo, rows[i].signal);
		(void)sigprocmask(SIG_BLOCK, NULL, &now);
		assert_int_equal(sigismember(&now, SIGTERM), rows[i].which == CONSOLE_ALL);
		cli_console.signals_give_back(fd, &was);
		(void)sigprocmask(SIG_BLOCK, NULL, &now);
		for (int s = 1; s < 32; s++)
			assert_int_equal(sigismember(&now, s), sigismember(&before, s));
	}
}

static void a_terminal_is_as_it_was(void **state)
{
	(void)state;
	for (int input = 0; input < 2; input++) {
		struct termios before, now;
		struct console_was was;
		int control, fd;

		assert_int_equal(openpty(&control, &fd, NULL, NULL, NULL), 0);
		assert_int_equal(tcgetattr(fd, &before), 0);
		assert_true(cli_console.raw(fd, input, &was));
		assert_int_equal(tcgetattr(fd, &now), 0);
		assert_false(now.c_oflag & OPOST);
		assert_int_equal(!(now.c_lflag & (ICANON | ECHO | ISIG)), input);
		cli_console.restore(fd, &was);
		assert_int_equal(tcgetattr(fd, &now), 0);
		assert_memory_equal(&now, &before, sizeof now);
		(void)close(fd);
		(void)close(control);
	}
}

static void what_is_no_terminal_has_no_modes(void **state)
{
	struct console_was was;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_false(cli_console.raw(p[0], true, &was));
	(void)close(p[0]);
	(void)close(p[1]);
}

RUN_TESTS("cli-console", cmocka_unit_test(signals_are_read_until_they_are_given_back), cmocka_unit_test(a_terminal_is_as_it_was),
	  cmocka_unit_test(what_is_no_terminal_has_no_modes))
