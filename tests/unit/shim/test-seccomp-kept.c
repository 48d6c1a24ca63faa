#include "test.h"
#include "seccomp-kept.h"
#include "buf.h"
#include "file.h"
#include "json.h"
#include "mem.h"
#include "runtime-shim.h"
#include <stdio.h>
#include <sys/stat.h>

/* DIR/bundle, DIR/root as an engine keeps it, DIR/kept; DIR/engine stands for the program. */
static char dir[64];
static char program[16] = "a BPF program";

static const char *in(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *p = path[turn++ % 4];

	(void)snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/davit-test-kept-XXXXXX");
	return !mkdtemp(dir) || file_mkdirs(in("bundle"), 0755, NULL) < 0 || file_mkdirs(in("root/c"), 0755, NULL) < 0 ||
	       file_write(in("engine"), "1", 1, 0755, NULL) < 0 ||
	       file_write(in("root/c/seccomp.bpf"), program, sizeof program, 0700, NULL) < 0;
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

/* Is @text's program given? It is taken from the engine behind that. */
static bool given(const char *text, bool failed)
{
	_cleanup_free_ char *file = mem_strdup(in("engine")), *root = mem_strdup(in("root"));
	const struct engine e = { .program = file, .root = root };
	_cleanup_strv_ struct strv words = { 0 };
	struct seccomp_kept k;

	seccomp_kept_give(&k, in("kept"), &e, in("bundle"), (struct span){ text, strlen(text) }, &words);
	assert_int_equal(words.n, k.given ? 2 : 0);
	seccomp_kept_take(&k, &e, "c", failed);
	return k.given;
}

#define PROFILE(more) "{\"ociVersion\":\"1.0.2\"," more "\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\"}}}"

static json *the_copy(struct buf *text)
{
	json *o = NULL;

	assert_true(file_read(in("bundle/" SHIM_SPEC), 1 << 20, text, NULL) >= 0);
	assert_int_equal(json_parse(text->data, text->len, &o, NULL), 0);
	return o;
}

static void gives_what_was_compiled_once(void **state)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *copy = NULL;
	struct stat st;

	(void)state;
	assert_false(given(PROFILE(""), false));
	assert_true(given(PROFILE(""), false));
	copy = the_copy(&text);
	assert_string_equal(json_get_str(copy, "ociVersion"), "1.0.2");
	assert_string_equal(json_get_str(json_get_object(copy, "annotations"), "run.oci.seccomp_bpf_data"),
			    "YSBCUEYgcHJvZ3JhbQAAAA==");
	assert_non_null(json_get_object(json_get_object(copy, "linux"), "seccomp"));
	assert_int_equal(stat(in("kept"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void keeps_annotations(void **state)
{
	static const char *const rows[] = { PROFILE("\"annotations\":{},"), PROFILE("\"annotations\": {\n } ,"),
					    PROFILE("\"annotations\":{\"a\":\"b\"},"),
					    PROFILE("\"annotations\": { \"a\":\"b\" },") };

	(void)state;
	assert_false(given(PROFILE(""), false));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf text = { 0 };
		_cleanup_json_ json *copy = NULL;

		assert_true(given(rows[i], false));
		copy = the_copy(&text);
		assert_int_equal(json_object_object_length(json_get_object(copy, "annotations")), i < 2 ? 1 : 2);
		assert_string_equal(i < 2 ? "b" : json_get_str(json_get_object(copy, "annotations"), "a"), "b");
	}
}

static void gives_no_other_s(void **state)
{
	static const char *const rows[] = {
		"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\"}}}",
		"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"flags\":[]}}}",
		"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"listenerPath\":\"/x\"}}}",
		PROFILE("\"annotations\":{\"run.oci.seccomp_fail_unknown_syscall\":\"1\"},"),
		PROFILE("\"annotations\":null,"),
		PROFILE("\"\\u0061nnotations\":{},"),
		"{\"linux\":{}}",
		"{}",
		"",
	};

	(void)state;
	assert_false(given(PROFILE(""), false));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_false(given(rows[i], false));
	assert_true(given(PROFILE(""), false));
}

static void forgets_with_the_engine(void **state)
{
	(void)state;
	assert_false(given(PROFILE(""), false));
	assert_int_equal(file_write(in("engine"), "22", 2, 0755, NULL), 0);
	assert_false(given(PROFILE(""), false));
	assert_true(given(PROFILE(""), true)); /* the engine refused it */
	assert_false(given(PROFILE(""), false));
	assert_true(given(PROFILE(""), false));
}

static void keeps_no_nonsense(void **state)
{
	(void)state;
	assert_int_equal(file_write(in("root/c/seccomp.bpf"), program, 7, 0700, NULL), 0);
	assert_false(given(PROFILE(""), false));
	assert_false(given(PROFILE(""), false));
	assert_int_equal(unlink(in("root/c/seccomp.bpf")), 0); /* runc leaves none */
	assert_false(given(PROFILE(""), false));
	assert_false(given(PROFILE(""), false));
}

static void is_bounded(void **state)
{
	_cleanup_(closedirp) DIR *d = NULL;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 3 * SECCOMP_KEPT_MAX; i++) {
		_cleanup_free_ char *text = mem_printf("{\"linux\":{\"seccomp\":{\"defaultErrnoRet\":%d}}}", i);

		assert_false(given(text, false));
		assert_true(given(text, false));
	}
	d = opendir(in("kept"));
	while (readdir(d))
		n++;
	assert_true(n <= SECCOMP_KEPT_MAX + 2);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("seccomp-kept", EACH(gives_what_was_compiled_once), EACH(keeps_annotations), EACH(gives_no_other_s),
	  EACH(forgets_with_the_engine), EACH(keeps_no_nonsense), EACH(is_bounded))
