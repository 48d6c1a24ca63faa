#include "test.h"
#include "clock.h"
#include "table.h"
#include "human.h"

static const struct column columns[] = { { .title = "NAME" }, { .title = "COMMAND", .min = 5 }, { .title = "N", .right = true } };

static void check(unsigned width, const char *expected)
{
	struct table t = { .columns = columns, .n_columns = 3 };
	_cleanup_buf_ struct buf out = { 0 };

	table_cell(&t, "web");
	table_cell(&t, "httpd\t-f übergröße");
	table_cellf(&t, "%d", 1234);
	table_write(&t, width, &out);
	assert_string_equal(buf_str(&out), expected);
	table_done(&t);
}

static void fits_the_terminal(void **state)
{
	(void)state;
	check(0, "NAME   COMMAND                 N\nweb    httpd?-f übergröße   1234\n");
	check(25, "NAME   COMMAND          N\nweb    httpd?-f...   1234\n");
	check(19, "NAME   CO...      N\nweb    ht...   1234\n");
	check(15, "NAME\n  COMMAND\n  N\nweb\n  httpd?-f über\n  größe\n  1234\n");
	check(1, "N\nA\nM\nE\nC\nO\nM\nM\nA\nN\nD\nN\nw\ne\nb\nh\nt\nt\np\nd\n?\n-\nf\n \nü\nb\ne\nr\ng\nr\nö\nß\ne\n1\n2\n3\n4\n");
}

#define PORTS "0.0.0.0:8080->80/tcp, 127.0.0.1:22107->443/tcp, [2001:db8::1]:53->53/udp"

static void list_jobs(unsigned width, struct buf *out)
{
	static const struct column ps[] = { { .title = "NAME" },
					    { .title = "IMAGE", .min = 12, .drop = 2 },
					    { .title = "PORTS", .list = true },
					    { .title = "ID", .drop = 1 } };
	static const char *const cells[] = {
		"a-fairly-long-name", "registry.example.com/app:1", PORTS, "a-fairly-long-name-0123abcd", "b", "c:1", "",
		"b-0123abcd"
	};
	struct table t = { .columns = ps, .n_columns = 4 };

	for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
		table_cell(&t, cells[i]);
	table_write(&t, width, out);
	table_done(&t);
}

static size_t characters_of(const char *line, size_t bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n += (line[i] & 0xc0) != 0x80;
	return n;
}

/* No line is wider than the terminal, and name and ports are whole whatever it is. */
static void fits_every_width(void **state)
{
	static const char *const parts[] = { "a-fairly-long-name", "0.0.0.0:8080->80/tcp", "127.0.0.1:22107->443/tcp",
					     "[2001:db8::1]:53->53/udp" };

	(void)state;
	for (unsigned width = 1; width <= 250; width++) {
		_cleanup_buf_ struct buf out = { 0 };

		list_jobs(width, &out);
		for (const char *line = buf_str(&out), *end; *line; line = end + 1) {
			end = strchr(line, '\n');
			if (characters_of(line, (size_t)(end - line)) > width)
				fail_msg("width %u: %.*s", width, (int)(end - line), line);
		}
		for (size_t i = 0; width >= 24 && i < sizeof parts / sizeof *parts; i++)
			if (!strstr(buf_str(&out), parts[i]))
				fail_msg("width %u: %s is not in\n%s", width, parts[i], buf_str(&out));
	}
}

/* The id leaves first, the ports stand below one another, and so does what stays in the end. */
static void narrows_in_order(void **state)
{
	static const char *const wants[] = {
		"NAME                 IMAGE                        PORTS\n"
		"a-fairly-long-name   registry.example.com/app:1   0.0.0.0:8080->80/tcp,\n"
		"                                                  127.0.0.1:22107->443/tcp,\n"
		"                                                  [2001:db8::1]:53->53/udp\n"
		"b                    c:1\n",
		"NAME                 PORTS\n"
		"a-fairly-long-name   0.0.0.0:8080->80/tcp,\n"
		"                     127.0.0.1:22107->443/tcp,\n"
		"                     [2001:db8::1]:53->53/udp\n"
		"b\n",
		"NAME\n  PORTS\na-fairly-long-name\n  0.0.0.0:8080->80/tcp,\n  127.0.0.1:22107->443/tcp,\n  "
		"[2001:db8::1]:53->53/udp\nb\n",
	};
	static const unsigned widths[] = { 76, 47, 30 };

	(void)state;
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
		_cleanup_buf_ struct buf out = { 0 };

		list_jobs(widths[i], &out);
		assert_string_equal(buf_str(&out), wants[i]);
	}
}

static void without_rows(void **state)
{
	const struct table t = { .columns = columns, .n_columns = 3 };
	_cleanup_buf_ struct buf out = { 0 };

	(void)state;
	table_write(&t, 80, &out);
	assert_string_equal(buf_str(&out), "NAME   COMMAND   N\n");
}

static void numbers_for_people(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0B" },          { 999, "999B" },         { 1000, "1.00kB" }, { 4260000, "4.26MB" }, { 42600000, "42.6MB" },
		{ 999600, "1.00MB" }, { INT64_MAX, "9.22EB" },
	};
	static const struct {
		int64_t seconds;
		const char *text;
	} spans[] = {
		{ -5, "0 seconds" }, { 1, "1 second" },    { 119, "119 seconds" },       { 120, "2 minutes" },
		{ 7200, "2 hours" }, { 172800, "2 days" }, { 86400 * 365, "12 months" }, { 86400 * 800, "2 years" },
	};
	char out[HUMAN_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		assert_string_equal(human_size(sizes[i].bytes, out), sizes[i].text);
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
		assert_string_equal(human_span(spans[i].seconds * NSEC_PER_SEC, out), spans[i].text);
	assert_string_equal(human_ago(0, 5, out), "");
}

static void disarms_cells(void **state)
{
	static const struct column two[] = { { .title = "NAME" }, { .title = "IMAGE" } };
	_cleanup_(table_done) struct table t = { .columns = two, .n_columns = 2 };
	_cleanup_buf_ struct buf out = { 0 };

	(void)state;
	table_cell(&t, "a\xe2\x80\xae"
		       "b\x9b"
		       "c");
	table_cellf(&t, "%s",
		    "\xc2\x9b"
		    "d\x1b[m\n");
	table_write(&t, 0, &out);
	assert_string_equal(buf_str(&out), "NAME    IMAGE\na?b?c   ?d?[m?\n");
}

RUN_TESTS("table", cmocka_unit_test(disarms_cells), cmocka_unit_test(fits_the_terminal), cmocka_unit_test(fits_every_width),
	  cmocka_unit_test(narrows_in_order), cmocka_unit_test(without_rows), cmocka_unit_test(numbers_for_people))
