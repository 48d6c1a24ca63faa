#include "test.h"
#include "attr.h"
#include "json.h"
#include "progress.h"
#include <fcntl.h>

static void writes_sizes(void **state)
{
	static const struct {
		int64_t n;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },          { 999, "999 B" },        { 1000, "1.0 kB" },      { 9949, "9.9 kB" },      { 9950, "10 kB" },
		{ 31000000, "31 MB" }, { 999499999, "999 MB" }, { 999500000, "1.0 GB" }, { INT64_MAX, "9.2 EB" },
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(progress_bytes(cases[i].n, out), cases[i].text);
}

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* One layer's way, as it shows on standard error. */
static char *shown(enum progress_mode mode)
{
	_cleanup_close_ int saved = dup(2);
	int p[2];
	struct progress *progress;
	static char text[8192];
	ssize_t n;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(dup2(p[1], 2), 2);
	(void)close(p[1]);
	progress = progress_new(mode);
	progress_say(progress, "x:1: pulling from %s", "r");
	progress_add(progress, DIGEST, 3000000);
	progress_add(progress, DIGEST, 3000000);
	progress_state(progress, DIGEST, PROGRESS_FETCHING);
	progress_at(progress, DIGEST, 2000000);
	progress_at(progress, "sha256:other", 7);
	progress_state(progress, DIGEST, PROGRESS_UNPACKING);
	progress_state(progress, DIGEST, PROGRESS_DONE);
	progress_state(progress, DIGEST, PROGRESS_DONE);
	progress_free(progress);
	assert_int_equal(dup2(saved, 2), 2);
	n = read(p[0], text, sizeof text - 1);
	(void)close(p[0]);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void shows_each_kind(void **state)
{
	char *text, *line, *rest;

	(void)state;
	assert_string_equal(shown(PROGRESS_QUIET), "");
	assert_string_equal(shown(PROGRESS_PLAIN), "davit: layer 0123456789ab: 3.0 MB\n");
	text = shown(PROGRESS_JSON);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		_cleanup_json_ json *j = NULL;

		assert_int_equal(json_parse(line, strlen(line), &j, NULL), 0);
		assert_non_null(json_get_str(j, "status"));
	}
	assert_int_equal(unsetenv("NO_COLOR"), 0);
	assert_non_null(strstr(shown(PROGRESS_TTY), "\033[32m[========================]\033[0m 3.0 MB\n"));
	assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
	text = shown(PROGRESS_TTY);
	assert_non_null(strstr(text, "[========================] 3.0 MB\n"));
	assert_null(strstr(text, "\033[3"));
	for (const char *p = text; *p; p++) /* bars are plain characters in every locale */
		assert_true((*p & 0x80) == 0);
	progress_state(NULL, DIGEST, PROGRESS_DONE); /* nobody looks */
	progress_at(NULL, DIGEST, 1);
	progress_free(NULL);
}

/* Whatever the width, no line of the picture goes beyond it. */
static void fits_any_terminal(void **state)
{
	(void)state;
	assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
	for (int columns = 1; columns <= 200; columns++) {
		char number[16], *text, *line, *rest;

		(void)snprintf(number, sizeof number, "%d", columns);
		assert_int_equal(setenv("COLUMNS", number, 1), 0);
		text = shown(PROGRESS_TTY);
		for (line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
			const char *escape = strstr(line, "\033[K");

			if (strlen(escape ? escape + 3 : line) > (size_t)columns && line[0] != '\033')
				fail_msg("%d columns: \"%s\"", columns, line);
			if (columns >= 32 && escape)
				assert_non_null(strstr(escape, "3.0 MB"));
		}
	}
	assert_int_equal(unsetenv("COLUMNS"), 0);
}

RUN_TESTS("progress", cmocka_unit_test(fits_any_terminal), cmocka_unit_test(writes_sizes), cmocka_unit_test(shows_each_kind))
