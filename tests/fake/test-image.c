/* Images against the fake: what looking one up costs, and every call of an import failing, hanging or breaking off. */
#include "test.h"
#include "clock.h"
#include "content.h"
#include "fake.h"
#include "file.h"
#include "image.h"
#include "images.h"
#include "import.h"
#include "leases.h"
#include "load.h"
#include "mem.h"
#include "image-record.h"
#include "output.h"
#include "save.h"
#include "session.h"
#include "tasks.h"
#include "version.h"
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

static struct loop *loop;
static struct fake *fake;
static struct err err;
static char folder[] = "/tmp/test-image.XXXXXX";
static char *tar;

static const char seeded[] = "docker.io/library/x:latest";

#define OK(call) ok_((call), #call, __LINE__)
static int ok_(int r, const char *what, int line)
{
	if (r < 0)
		fail_msg("line %d: %s: %s", line, what, err.msg);
	err_clear(&err);
	return r;
}

static void write_tar(const char *path)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();

	(void)archive_write_set_format_pax_restricted(a);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	archive_entry_set_pathname(e, "bin/hello");
	archive_entry_set_size(e, 6);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0755);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, "hello\n", 6), 6);
	archive_entry_free(e);
	assert_int_equal(archive_write_free(a), ARCHIVE_OK);
}

static int begin(void **state)
{
	(void)state;
	loop = loop_new();
	assert_non_null(mkdtemp(folder));
	tar = mem_printf("%s/root.tar", folder);
	write_tar(tar);
	OK(fake_start(loop, &fake, &err));
	OK(fake_seed_image(fake, "davit", seeded, &err));
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_free(TAKE_PTR(fake));
	loop_free(TAKE_PTR(loop));
	free(TAKE_PTR(tar));
	return file_remove_tree(folder, NULL);
}

static struct ctrd *open_ctrd(void)
{
	struct ctrd *c = NULL;

	OK(ctrd_open(loop, fake_address(fake), "davit", &c, &err));
	return c;
}

static int look_up(struct ctrd *c, const char *name, const char *platform, const char *snapshotter, struct image *ret)
{
	const struct ctx ctx = ctx_within(NULL, 10000);
	struct image_look *l = image_look_begin(c, name, &ctx);
	int r;

	do
		r = image_look_go_on(l, c, platform, snapshotter, &ctx, ret, &err);
	while (r > 0);
	image_look_free(l);
	return r;
}

static int get(struct ctrd *c, const char *name, const char *platform, struct image *ret)
{
	return look_up(c, name, platform, "overlayfs", ret);
}

static int import(const char *file, int64_t ms, struct err *e)
{
	_cleanup_(session_close) struct session s = { 0 };
	_cleanup_json_ json *images = json_new_array();
	struct import_spec spec = { .file = file, .name = "made:1" };
	struct session_spec to = { .address = fake_address(fake), .ns = "davit", .snapshotter = "overlayfs" };
	struct ctx ctx = ctx_within(NULL, ms);
	int r = session_open(&s, &to, &ctx, e);

	return r < 0 ? r : import_image(&s, &spec, images, e);
}

static void a_seeded_image_is_walked(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	_cleanup_(image_done) struct image i = { 0 };

	(void)state;
	OK(get(c, seeded, NULL, &i));
	assert_string_equal(i.name, seeded);
	assert_string_equal(i.config.cmd.v[0], "true");
	assert_int_equal(strlen(i.chain_id), 71);
}

/* The label of the record makes it Images.Get, then two calls side by side. */
static void an_image_of_ours_takes_three_calls(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *c = NULL;
	_cleanup_(image_done) struct image i = { 0 }, other = { 0 };

	(void)state;
	OK(import(tar, 10000, &err));
	c = open_ctrd();
	OK(fake_reset(fake, &err));
	OK(get(c, "docker.io/library/made:1", NULL, &i));
	assert_int_equal(fake_count(fake), 3);
	/* Another platform's way is not known: the manifest has no platforms, so it is the same image. */
	OK(get(c, "docker.io/library/made:1", "linux/s390x", &other));
	assert_string_equal(other.config_digest, i.config_digest);
}

static void what_is_missing_has_a_remedy(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	struct ctx ctx = ctx_within(NULL, 10000);
	_cleanup_strv_ struct strv names = { 0 };
	struct image i = { 0 };

	(void)state;
	assert_int_equal(get(c, "docker.io/library/none:1", NULL, &i), -ERR_NOT_FOUND);
	assert_string_equal(err.msg, "image none:1: not found");
	assert_string_equal(err.hint, "davit pull none:1");
	err_clear(&err);
	/* The record is there, its snapshot is not. */
	OK(import(tar, 10000, &err));
	assert_int_equal(look_up(c, "docker.io/library/made:1", NULL, "native", &i), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "not unpacked"));
	err_clear(&err);
	assert_int_equal(image_remove(c, "none:1", false, &ctx, &names, &err), -ERR_NOT_FOUND);
	err_clear(&err);
	assert_int_equal(image_remove(c, "0000", false, &ctx, &names, &err), -ERR_NOT_FOUND);
	err_clear(&err);
}

static void is_found_by_digest_and_removed(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	_cleanup_(image_rows_done) struct image_rows rows = { 0 };
	_cleanup_json_ json *j = NULL;
	_cleanup_strv_ struct strv names = { 0 };
	struct ctx ctx = ctx_within(NULL, 10000);
	const struct image_row *row;

	(void)state;
	OK(import(tar, 10000, &err));
	OK(image_list(c, "overlayfs", &ctx, &rows, &err));
	assert_int_equal(rows.n, 2);
	row = &rows.v[strcmp(rows.v[0].name, seeded) == 0];
	assert_string_equal(row->name, "docker.io/library/made:1");
	assert_true(row->unpacked);
	assert_true(row->size > 0);
	assert_int_equal(strlen(row->short_id), 12);
	OK(image_inspect(c, row->short_id, NULL, "overlayfs", &ctx, &j, &err));
	assert_string_equal(json_get_str(j, "digest"), row->digest);
	assert_int_equal(json_len(json_get_array(j, "layers")), 1);
	OK(image_remove(c, row->digest, false, &ctx, &names, &err));
	assert_string_equal(names.v[0], "docker.io/library/made:1");
	assert_int_equal(image_remove(c, row->digest, false, &ctx, &names, &err), -ERR_NOT_FOUND);
	err_clear(&err);
}

static void a_name_with_a_digest_is_true_or_refused(void **state)
{
	static const char no[] = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	_cleanup_(ctrd_image_done) struct ctrd_image record = { 0 }, found = { 0 };
	_cleanup_(image_done) struct image i = { 0 };
	_cleanup_free_ char *lie = mem_printf("docker.io/library/x@%s", no), *truth = NULL, *tagged = NULL;
	struct ctx ctx = ctx_within(NULL, 10000);

	(void)state;
	OK(images_get(c, seeded, &ctx, &record, &err));
	truth = mem_printf("docker.io/library/x@%s", record.target.digest);
	tagged = mem_printf("docker.io/library/x:other@%s", record.target.digest);
	OK(image_check_name(seeded, no, &err));
	OK(image_check_name(truth, record.target.digest, &err));
	assert_int_equal(image_check_name(lie, record.target.digest, &err), -ERR_PRECONDITION);
	err_clear(&err);
	assert_int_equal(image_tag(c, seeded, lie, &ctx, NULL, &err), -ERR_PRECONDITION);
	err_clear(&err);
	/* A record that another client made. */
	free(record.name);
	record.name = mem_strdup(lie);
	OK(images_put(c, &record, &ctx, &err));
	assert_int_equal(get(c, lie, NULL, &i), -ERR_PRECONDITION);
	err_clear(&err);
	assert_int_equal(image_find(c, lie, &ctx, &found, &err), -ERR_PRECONDITION);
	err_clear(&err);
	OK(images_delete(c, lie, true, &ctx, &err));
	/* What was pulled by a tag is there by its digest. */
	OK(image_find(c, truth, &ctx, &found, &err));
	assert_string_equal(found.name, seeded);
	ctrd_image_done(&found);
	OK(image_find(c, tagged, &ctx, &found, &err));
	assert_string_equal(found.name, seeded);
}

static void an_id_is_a_digest_or_its_beginning(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	_cleanup_(image_done) struct image i = { 0 };
	_cleanup_(ctrd_images_done) struct ctrd_images all = { 0 };
	_cleanup_strv_ struct strv names = { 0 };
	struct ctx ctx = ctx_within(NULL, 10000);
	const char *ids[3];

	(void)state;
	assert_true(image_is_id("sha256:0123"));
	assert_false(image_is_id("0123"));
	assert_false(image_is_id("sha256:7"));
	assert_true(image_may_differ("0123"));
	assert_false(image_may_differ("012x"));
	OK(get(c, seeded, NULL, &i));
	ids[0] = i.digest;
	ids[1] = i.manifest;
	ids[2] = i.config_digest;
	for (size_t n = 0; n < 3; n++)
		for (int cut = 0; cut < 2; cut++) {
			_cleanup_(ctrd_image_done) struct ctrd_image found = { 0 };
			_cleanup_free_ char *id = mem_strndup(ids[n] + (cut ? 7 : 0), cut ? 12 : 71);

			OK(image_find(c, id, &ctx, &found, &err));
			assert_string_equal(found.name, seeded);
		}
	/* Several names of one image. */
	OK(image_tag(c, i.config_digest, "second:1", &ctx, NULL, &err));
	OK(image_find_all(c, i.config_digest, &ctx, &all, &err));
	assert_int_equal(all.n, 2);
	assert_int_equal(image_remove(c, i.config_digest, false, &ctx, &names, &err), -ERR_PRECONDITION);
	assert_non_null(strstr(err.msg, "second:1"));
	err_clear(&err);
	OK(image_remove(c, "second:1", false, &ctx, &names, &err));
}

static size_t leases(void)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	_cleanup_(ctrd_leases_done) struct ctrd_leases all = { 0 };
	struct ctx ctx = ctx_within(NULL, 10000);

	OK(leases_list(c, NULL, &ctx, &all, &err));
	return all.n;
}

static int archive_verb(const char *name, bool save, int64_t ms, struct err *e)
{
	_cleanup_(session_close) struct session s = { 0 };
	_cleanup_(output_done) struct output out = { .fd = -1 };
	_cleanup_json_ json *images = json_new_array();
	_cleanup_strv_ struct strv names = { 0 };
	struct session_spec to = { .address = fake_address(fake), .ns = "davit", .snapshotter = "overlayfs" };
	struct ctx ctx = ctx_within(NULL, ms);
	int r = session_open(&s, &to, &ctx, e);

	if (r == 0 && !save)
		return load_images(&s, name, NULL, images, e);
	strv_push(&names, "made:1");
	if (r == 0)
		r = output_open(&out, name, -1, &s.ctx, e);
	if (r == 0)
		r = save_images(&s, &names, &out, images, e);
	return r < 0 ? r : output_commit(&out, e);
}

static char *saved;

static int do_import(int64_t ms, struct err *e) { return import(tar, ms, e); }
static int do_save(int64_t ms, struct err *e) { return archive_verb(saved, true, ms, e); }
static int do_load(int64_t ms, struct err *e) { return archive_verb(saved, false, ms, e); }

static size_t files(void)
{
	DIR *d = opendir(folder);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

/* Whatever fails, the lease goes (unless that is the call, or containerd does not answer any more), no file is left, and the next
 * attempt works. */
static void fail_each_call(int (*before)(int64_t ms, struct err *), int (*verb)(int64_t ms, struct err *), unsigned calls)
{
	static const struct {
		const char *what;
		int64_t ms;
		bool leaves;
	} kinds[] = {
		{ "fail=13", 20000, false },
		{ "drop", 20000, true },
		{ "hang", 700, true },
	};
	size_t had = files();

	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		unsigned n = 0, failed = 0;

		do {
			struct err why = ERR_INIT;
			int r;

			OK(fake_clear(fake, &err));
			if (before)
				OK(before(20000, &err));
			OK(fake_reset(fake, &err));
			OK(fake_fault(fake, &err, "%u:%s", ++n, kinds[k].what));
			r = verb(kinds[k].ms, &why);
			failed += r < 0;
			if (r < 0 && !*why.msg)
				fail_msg("call %u, %s: no reason", n, kinds[k].what);
			assert_int_equal(files(), had);
			if (fake_count(fake) < n)
				break;
			if (r < 0 && !kinds[k].leaves)
				assert_int_equal(leases(), 0);
			OK(fake_reset(fake, &err));
			OK(verb(20000, &err));
		} while (n < 100);
		if (failed < calls)
			fail_msg("%s: only %u of %u calls failed", kinds[k].what, failed, n);
	}
	OK(fake_clear(fake, &err));
	OK(fake_seed_image(fake, "davit", seeded, &err));
}

static void every_call_may_fail(void **state)
{
	(void)state;
	fail_each_call(NULL, do_import, 10);
}

static void every_call_of_load_and_save_may_fail(void **state)
{
	_cleanup_free_ char *path = mem_printf("%s/saved.tar", folder);

	(void)state;
	saved = path;
	OK(import(tar, 20000, &err));
	OK(do_save(20000, &err));
	fail_each_call(NULL, do_load, 10);
	fail_each_call(do_import, do_save, 8);
}

static int load_marked(const char *only, struct err *e)
{
	_cleanup_(session_close) struct session s = { 0 };
	_cleanup_json_ json *images = json_new_array();
	struct strv mark = { .v = (char *[]){ (char[]){ "davit.made-for=nomad" }, NULL }, .n = 1 };
	struct session_spec to = { .address = fake_address(fake), .ns = "davit", .snapshotter = "overlayfs", .mark = &mark };
	struct ctx ctx = ctx_within(NULL, 20000);
	int r = session_open(&s, &to, &ctx, e);

	return r < 0 ? r : load_images(&s, saved, only, images, e);
}

static void assert_mark(const char *wanted)
{
	const struct ctx ctx = ctx_within(NULL, 10000);
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	_cleanup_(ctrd_image_done) struct ctrd_image i = { 0 };
	const char *mark;

	OK(images_get(c, "docker.io/library/made:1", &ctx, &i, &err));
	mark = dict_get(&i.labels, "davit.made-for");
	assert_string_equal(mark ? mark : "", wanted);
}

/* What others have made stays theirs; of an archive the one that is wanted is made, whatever else it has. */
static void is_marked_where_it_is_new(void **state)
{
	_cleanup_free_ char *path = mem_printf("%s/marked.tar", folder);
	struct err why = ERR_INIT;

	(void)state;
	saved = path;
	OK(import(tar, 20000, &err));
	OK(do_save(20000, &err));
	OK(load_marked("docker.io/library/made:1", &err));
	assert_mark("");
	OK(fake_clear(fake, &err));
	assert_int_equal(load_marked("docker.io/library/other:1", &why), -ERR_NOT_FOUND);
	assert_non_null(strstr(why.msg, "no image of the name other:1 is in it"));
	OK(load_marked("docker.io/library/made:1", &err));
	assert_mark("nomad");
	OK(do_load(20000, &err));
	assert_mark("nomad");
	OK(fake_clear(fake, &err));
	OK(fake_seed_image(fake, "davit", seeded, &err));
}

static void is_unpacked_again(void **state)
{
	_cleanup_(session_close) struct session s = { 0 };
	_cleanup_json_ json *images = json_new_array();
	struct session_spec to = { .address = fake_address(fake), .ns = "davit", .snapshotter = "native" };
	struct ctx ctx = ctx_within(NULL, 20000);
	_cleanup_(image_done) struct image i = { 0 };

	(void)state;
	OK(import(tar, 20000, &err));
	OK(session_open(&s, &to, &ctx, &err));
	OK(image_record_unpack(&s, "docker.io/library/made:1", images, &err));
	OK(look_up(s.ctrd, "docker.io/library/made:1", NULL, "native", &i));
	assert_int_equal(json_len(images), 1);
}

enum { TOLD = 4 };

/* Reads what is told of a pull, and cancels it once the layer is said to be unpacked for the last of TOLD times. */
struct line_reader {
	FILE *from;
	struct cancel cancel;
	int told, cancel_fd;
};

static void *count_lines(void *arg)
{
	struct line_reader *l = arg;
	char line[1000];

	while (fgets(line, sizeof line, l->from))
		if (strstr(line, "\"unpacking\"") && ++l->told == TOLD) {
			l->cancel.on = 1;
			(void)!write(l->cancel_fd, "x", 1);
		}
	return NULL;
}

/* Who takes silence for an end must not end what containerd is long about. */
static void a_long_unpacking_is_told_of(void **state)
{
	_cleanup_(session_close) struct session s = { 0 };
	_cleanup_json_ json *images = json_new_array();
	_cleanup_close_ int terminal = fcntl(2, F_DUPFD_CLOEXEC, 0);
	struct progress *progress = progress_new(PROGRESS_JSON);
	const struct session_spec to = { .address = fake_address(fake), .ns = "davit", .snapshotter = "slow" };
	struct line_reader l = { .told = 0 };
	struct ctx ctx = ctx_within(NULL, 120000);
	int lines[2], cancel[2];
	pthread_t t;

	(void)state;
	OK(import(tar, 20000, &err));
	OK(fake_fault(fake, &err, "Diff/Apply:hang"));
	assert_int_equal(pipe2(lines, O_CLOEXEC) + pipe2(cancel, O_CLOEXEC), 0);
	l.from = fdopen(lines[0], "r");
	l.cancel.fd = cancel[0];
	l.cancel_fd = cancel[1];
	ctx.cancel = &l.cancel;
	OK(session_open(&s, &to, &ctx, &err));
	s.progress = progress;
	assert_int_equal(pthread_create(&t, NULL, count_lines, &l), 0);
	assert_int_equal(dup2(lines[1], 2), 2);
	(void)close(lines[1]);
	(void)image_record_unpack(&s, "docker.io/library/made:1", images, &err);
	assert_int_equal(dup2(terminal, 2), 2);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_true(l.told >= TOLD);
	assert_int_equal(err.code, ERR_CANCELLED);
	err_clear(&err);
	(void)fclose(l.from);
	session_close(&s);
	progress_free(progress);
	(void)close(cancel[0]);
	(void)close(cancel[1]);
	OK(fake_reset(fake, &err));
}

static void refuses_damaged_files(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *says;
	} cases[] = {
		{ "", 0, "empty" },
		{ "no archive", 10, "archive" },
		{ "\x1f\x8b\x08\0\0\0\0\0\0\3", 10, "gzip" },
		{ "\x28\xb5\x2f\xfd zstd", 10, "" },
		{ "\xfd"
		  "7zXZ\0",
		  6, "" },
	};
	_cleanup_free_ char *path = mem_printf("%s/damaged", folder);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err why = ERR_INIT;

		OK(file_write(path, cases[i].bytes, cases[i].n, 0600, &err));
		assert_int_equal(import(path, 20000, &why), -ERR_INVALID);
		if (!strstr(why.msg, cases[i].says))
			fail_msg("%s", why.msg);
	}
	assert_int_equal(leases(), 0);
}

/* Its stream may last as long as the bytes come, but no wait in it is endless. */
static void a_writer_is_not_kept_waiting(void **state)
{
	struct ctrd *c = open_ctrd();
	struct content_writer *w = NULL;
	const struct ctx forever = { 0 };
	int64_t at, began = clock_mono();

	(void)state;
	ctrd_set_patience(c, 100);
	OK(fake_reset(fake, &err));
	OK(fake_fault(fake, &err, "Content/Write:hang"));
	assert_int_equal(content_writer_open(c, "layer-x", 0, NULL, &forever, &w, &at, &err), -ERR_DEADLINE);
	assert_string_equal(err.msg, "ingest layer-x: timed out");
	assert_true(clock_mono() - began < 10 * NSEC_PER_SEC);
	err_clear(&err);
	ctrd_free(c);
	OK(fake_reset(fake, &err));
}

/* A call to which nobody gave a deadline has one, but not a wait for the end of a task. */
static void no_call_is_endless(void **state)
{
	struct ctrd *c = open_ctrd();
	_cleanup_(ctrd_version_done) struct ctrd_version v = { 0 };
	struct ctrd_call *wait;
	struct ctx soon;

	(void)state;
	ctrd_set_patience(c, 20);
	OK(fake_reset(fake, &err));
	OK(fake_fault(fake, &err, "Version/Version:hang"));
	OK(fake_fault(fake, &err, "Tasks/Wait:hang"));
	assert_int_equal(version_get(c, NULL, &v, &err), -ERR_DEADLINE);
	err_clear(&err);
	wait = tasks_wait_begin(c, "x", NULL, NULL);
	soon = ctx_within(NULL, 300);
	assert_int_equal(tasks_wait_end(wait, &soon, NULL, &err), -ERR_DEADLINE);
	assert_true(clock_mono() >= soon.deadline); /* this wait's, not the call's */
	err_clear(&err);
	ctrd_free(c);
	OK(fake_reset(fake, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seeded_image_is_walked),
		cmocka_unit_test(an_image_of_ours_takes_three_calls),
		cmocka_unit_test(what_is_missing_has_a_remedy),
		cmocka_unit_test(is_found_by_digest_and_removed),
		cmocka_unit_test(a_name_with_a_digest_is_true_or_refused),
		cmocka_unit_test(an_id_is_a_digest_or_its_beginning),
		cmocka_unit_test(every_call_may_fail),
		cmocka_unit_test(every_call_of_load_and_save_may_fail),
		cmocka_unit_test(is_marked_where_it_is_new),
		cmocka_unit_test(is_unpacked_again),
		cmocka_unit_test(a_long_unpacking_is_told_of),
		cmocka_unit_test(refuses_damaged_files),
		cmocka_unit_test(a_writer_is_not_kept_waiting),
		cmocka_unit_test(no_call_is_endless),
	};

	return cmocka_run_group_tests_name("image", tests, begin, end);
}
