#include "test.h"
#include "clock.h"
#include "copy-bar.h"
#include "mem.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void what_is_drawn(void **state)
{
	static const struct {
		int64_t done, total;
		unsigned columns;
		const char *text;
	} cases[] = {
		{ 5000000, 10000000, 80, "[====================                    ] 5.00MB of 10.0MB" },
		{ 0, 10000000, 36, "[                    ] 0B of 10.0MB" },
		{ 10000000, 10000000, 30, "[==========] 10.0MB of 10.0MB" },
		{ 11000000, 10000000, 29, "[=========] 11.0MB of 10.0MB" },
		{ 5000000, 10000000, 24, "5.00MB of 10.0MB" },
		{ 5000000, 10000000, 10, "5.00MB of" },
		{ 5000000, -1, 80, "5.00MB" },
		{ 0, 0, 20, "[========] 0B of 0B" },
		{ 5, 10, 1, "" },
		{ 5, 10, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct copy_bar b = { .fd = -1, .total = cases[i].total, .done = cases[i].done };
		_cleanup_buf_ struct buf got = { 0 };

		copy_bar_text(&b, cases[i].columns, &got);
		assert_string_equal(buf_str(&got), cases[i].text);
		assert_true(got.len < cases[i].columns || !got.len);
	}
}

static int terminal_slave;

static int open_terminal(void)
{
	const struct winsize ws = { .ws_row = 24, .ws_col = 60 };
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	assert_true(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
	terminal_slave = open(ptsname(fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(terminal_slave >= 0);
	assert_int_equal(ioctl(terminal_slave, TIOCSWINSZ, &ws), 0);
	return fd;
}

/* How often the line was begun anew; *ret_last: what was written last. */
static unsigned lines_of(int terminal, char *ret_last, size_t size)
{
	char text[4096];
	unsigned n = 0;
	ssize_t got;

	*ret_last = '\0';
	while ((got = read(terminal, text, sizeof text - 1)) > 0) {
		text[got] = '\0';
		for (char *p = text; (p = strchr(p, '\r')); p++, n++)
			(void)snprintf(ret_last, size, "%s", p);
	}
	return n;
}

static void ten_times_a_second_and_wiped(void **state)
{
	_cleanup_close_ int terminal = open_terminal();
	const int64_t began = clock_mono();
	struct copy_bar b;
	char last[256];
	unsigned n, most;

	(void)state;
	copy_bar_init(&b, terminal_slave, 1 << 30);
	for (int i = 0; i < 1024; i++)
		copy_bar_add(&b, 1 << 20);
	most = 2 + (unsigned)((clock_mono() - began) / (100 * NSEC_PER_MSEC));
	copy_bar_done(&b);
	n = lines_of(terminal, last, sizeof last);
	assert_true(n >= 2 && n <= most);
	assert_string_equal(last, "\r\033[K");
	(void)close(terminal_slave);
}

/* Of what is over at once, and where there is no terminal. */
static void not_at_all(void **state)
{
	_cleanup_close_ int terminal = open_terminal();
	struct copy_bar b;
	char last[256];
	int pipes[2];

	(void)state;
	copy_bar_init(&b, terminal_slave, 8 << 20);
	copy_bar_add(&b, 8 << 20);
	copy_bar_done(&b);
	copy_bar_init(&b, terminal_slave, -1);
	copy_bar_add(&b, 1 << 20);
	copy_bar_done(&b);
	copy_bar_init(&b, -1, -1);
	copy_bar_add(&b, 1 << 30);
	copy_bar_done(&b);
	assert_int_equal(lines_of(terminal, last, sizeof last), 0);
	(void)close(terminal_slave);
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	copy_bar_init(&b, pipes[1], -1);
	copy_bar_add(&b, 1 << 30);
	copy_bar_done(&b);
	assert_int_equal(read(pipes[0], last, sizeof last), -1);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static int plain(void **state)
{
	(void)state;
	return setenv("NO_COLOR", "1", 1) || unsetenv("COLUMNS");
}

static const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_drawn), cmocka_unit_test(ten_times_a_second_and_wiped),
					   cmocka_unit_test(not_at_all) };

int main(void) { return cmocka_run_group_tests_name("copy-bar", tests, plain, NULL); }
