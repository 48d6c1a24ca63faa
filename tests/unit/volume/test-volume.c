#include "test.h"
#include "file.h"
#include "labels.h"
#include "mem.h"
#include "volume-copy.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

struct fixture {
	char *dir, *image;
	struct core core;
};

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	f->dir = mem_strdup("/tmp/davit-test-volume-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->image = mem_printf("%s/image", f->dir);
	assert_int_equal(mkdir(f->image, 0755), 0);
	f->core.conf = (struct core_conf){ .ns = "ns", .data_dir = f->dir };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(file_remove_tree(f->dir, NULL), 0);
	free(f->image);
	free(f->dir);
	free(f);
	return 0;
}

static char *in(const char *dir, const char *name) { return mem_printf("%s/%s", dir, name); }

static void put(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = in(dir, name);

	assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

static void expect_content(const char *dir, const char *name, const char *want)
{
	_cleanup_free_ char *path = in(dir, name);
	_cleanup_buf_ struct buf got = { 0 };

	assert_int_equal(file_read(path, 1 << 20, &got, NULL), 0);
	assert_string_equal(buf_str(&got), want);
}

static void drop(const struct fixture *f, const char *name)
{
	_cleanup_close_ int lock = -1;

	assert_int_equal(volume_lock(&f->core, name, LOCK_EX, &lock, NULL), 1);
	assert_int_equal(volume_drop(&f->core, name, lock, NULL, NULL), 0);
}

static struct stat stat_of(const char *dir, const char *name)
{
	_cleanup_free_ char *path = in(dir, name);
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static int copy_within(const struct fixture *f, const char *target, struct volume *v, const struct ctx *ctx, struct err *err)
{
	_cleanup_close_ int root = open(f->image, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(volume_ensure(&f->core, "data", NULL, v, NULL, NULL), 0);
	return volume_copy_up(root, target, v, ctx, err);
}

static int copy_up(const struct fixture *f, const char *target, struct volume *v, struct err *err)
{
	return copy_within(f, target, v, NULL, err);
}

static void makes_once(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 }, again = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	_cleanup_free_ char *want = mem_printf("%s/volumes/ns/data/_data", f->dir);
	bool fresh = false;

	dict_set(&labels, "owner", "me");
	assert_int_equal(volume_ensure(&f->core, "data", &labels, &v, &fresh, NULL), 0);
	assert_true(fresh);
	assert_string_equal(v.path, want);
	assert_false(v.anonymous);
	put(v.path, "kept", "1");
	assert_int_equal(volume_ensure(&f->core, "data", NULL, &again, &fresh, NULL), 0);
	assert_false(fresh);
	assert_string_equal(dict_get(&again.labels, "owner"), "me");
	assert_int_equal(again.created_at, v.created_at);
	assert_true(again.created_at > 0);
	expect_content(again.path, "kept", "1");
}

static void names_anonymous_ones(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume a = { 0 }, b = { 0 };

	assert_int_equal(volume_ensure(&f->core, NULL, NULL, &a, NULL, NULL), 0);
	assert_int_equal(volume_ensure(&f->core, NULL, NULL, &b, NULL, NULL), 0);
	assert_true(a.anonymous);
	assert_string_not_equal(a.name, b.name);
}

static void refuses_names(void **state)
{
	static const char *const bad[] = { "", ".", "..", "../x", "a/b", "-a", ".trash-1", ".new", "a b", "a\n", "a..b" };
	const struct fixture *f = *state;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct volume v;
		struct err err = ERR_INIT;

		assert_int_equal(volume_ensure(&f->core, bad[i], NULL, &v, NULL, &err), -ERR_INVALID);
		assert_non_null(strstr(err.msg, "volume"));
		assert_int_equal(volume_get(&f->core, bad[i], &v, NULL), -ERR_INVALID);
		assert_int_equal(volume_drop(&f->core, bad[i], -1, NULL, NULL), -ERR_INVALID);
	}
}

static void lists_in_order(void **state)
{
	static const char *const names[] = { "c", "a", "b" };
	const struct fixture *f = *state;
	_cleanup_(volumes_done) struct volumes none = { 0 }, all = { 0 };
	_cleanup_free_ char *torn = mem_printf("%s/volumes/ns/b/volume.json", f->dir);
	_cleanup_free_ char *stray = mem_printf("%s/volumes/ns/stray", f->dir);

	assert_int_equal(volume_list(&f->core, &none, NULL), 0);
	assert_int_equal(none.n, 0);
	for (size_t i = 0; i < 3; i++) {
		_cleanup_(volume_done) struct volume v = { 0 };

		assert_int_equal(volume_ensure(&f->core, names[i], NULL, &v, NULL, NULL), 0);
	}
	assert_int_equal(file_write(torn, "{\"created\":", 11, 0600, NULL), 0); /* data counts, not what is said about it */
	assert_int_equal(mkdir(stray, 0700), 0);
	assert_int_equal(volume_list(&f->core, &all, NULL), 0);
	assert_int_equal(all.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(all.v[i].name[0], 'a' + (int)i);
	assert_int_equal(all.v[1].created_at, 0);
}

static void drops(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_free_ char *old = mem_printf("%s/volumes/ns/.trash-killed/_data", f->dir);
	_cleanup_free_ char *half = mem_printf("%s/volumes/ns/.new/_data", f->dir);
	struct err err = ERR_INIT;

	assert_int_equal(file_mkdirs(old, 0700, NULL), 0); /* what kills left behind */
	assert_int_equal(file_mkdirs(half, 0700, NULL), 0);
	assert_int_equal(volume_ensure(&f->core, "data", NULL, &v, NULL, NULL), 0);
	assert_false(file_exists(half));
	put(v.path, "x", "1");
	drop(f, "data");
	assert_false(file_exists(v.path));
	assert_false(file_exists(old));
	volume_done(&v);
	assert_int_equal(volume_get(&f->core, "data", &v, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.msg, "volume data: not found");
}

/* Only by its own lock, which that of an earlier one of its name is not. */
static void drops_what_is_locked(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume a = { 0 }, b = { 0 }, anew = { 0 };
	_cleanup_close_ int of_a = -1, second = -1, old = -1;
	struct err err = ERR_INIT;

	assert_int_equal(volume_ensure(&f->core, "a", NULL, &a, NULL, NULL), 0);
	assert_int_equal(volume_ensure(&f->core, "b", NULL, &b, NULL, NULL), 0);
	assert_int_equal(volume_lock(&f->core, "a", LOCK_EX, &of_a, NULL), 1);
	assert_int_equal(volume_lock(&f->core, "a", LOCK_SH, &second, NULL), 0);
	assert_int_equal(volume_drop(&f->core, "b", of_a, NULL, &err), -ERR_PRECONDITION);
	assert_true(file_exists(b.path));
	old = dup(of_a);
	assert_int_equal(volume_drop(&f->core, "a", of_a, NULL, NULL), 0);
	assert_int_equal(volume_ensure(&f->core, "a", NULL, &anew, NULL, NULL), 0);
	assert_int_equal(volume_drop(&f->core, "a", old, NULL, NULL), -ERR_PRECONDITION);
	assert_true(file_exists(anew.path));
}

/* With its task go the volumes that it made for itself: no other's, and none that has a name. */
static void goes_with_its_task(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(task_over_freep) struct task_over *mine = task_over_unmade("web-00000001"),
						    *other = task_over_unmade("web-00000001.1");
	_cleanup_(volume_done) struct volume anonymous = { 0 }, named = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };

	dict_set(&labels, CLAIM_ID, "web-00000001");
	assert_int_equal(volume_ensure(&f->core, NULL, &labels, &anonymous, NULL, NULL), 0);
	assert_int_equal(volume_ensure(&f->core, "named", &labels, &named, NULL, NULL), 0);
	assert_int_equal(volume_drop_own(&f->core, anonymous.name, other, NULL, NULL), -ERR_PRECONDITION);
	assert_int_equal(volume_drop_own(&f->core, "named", mine, NULL, NULL), -ERR_PRECONDITION);
	assert_true(file_exists(anonymous.path) && file_exists(named.path));
	assert_int_equal(volume_drop_own(&f->core, anonymous.name, mine, NULL, NULL), 0);
	assert_false(file_exists(anonymous.path));
	assert_int_equal(volume_drop_own(&f->core, anonymous.name, mine, NULL, NULL), 0);
}

/* One makes it, all get it, none sees half of it. */
static void makers_agree(void **state)
{
	const struct fixture *f = *state;
	pid_t pids[8];
	int fresh_ones = 0;

	for (size_t i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct volume v = { 0 };
			bool fresh = false;
			int r = volume_ensure(&f->core, "data", NULL, &v, &fresh, NULL);

			_exit(r < 0 || !v.created_at ? 2 : fresh);
		}
	}
	for (size_t i = 0; i < 8; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_in_range(WEXITSTATUS(status), 0, 1);
		fresh_ones += WEXITSTATUS(status);
	}
	assert_int_equal(fresh_ones, 1);
}

static void make_image(const struct fixture *f)
{
	_cleanup_free_ char *srv = in(f->image, "srv"), *sub = in(f->image, "srv/sub"), *deep = in(f->image, "srv/sub/deep");
	_cleanup_free_ char *a = in(f->image, "srv/a"), *hard = in(f->image, "srv/sub/hard"), *fifo = in(f->image, "srv/fifo");
	_cleanup_free_ char *out = in(f->image, "srv/out"), *set = in(f->image, "srv/set"),
			    *dangling = in(f->image, "srv/dangling");
	const struct timespec times[] = { { .tv_sec = 1000, .tv_nsec = 1 }, { .tv_sec = 2000, .tv_nsec = 2 } };

	assert_int_equal(mkdir(srv, 0700), 0);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(mkdir(deep, 0700), 0);
	put(srv, "a", "content of a");
	put(srv, "empty", "");
	put(srv, "set", "program");
	assert_int_equal(link(a, hard), 0);
	assert_int_equal(symlink("/etc/passwd", out), 0);
	assert_int_equal(symlink("nowhere", dangling), 0);
	assert_int_equal(mkfifo(fifo, 0640), 0);
	assert_int_equal(chmod(set, 04755), 0);
	assert_int_equal(chmod(a, 0604), 0);
	(void)setxattr(a, "user.colour", "red", 3, 0);
	assert_int_equal(utimensat(AT_FDCWD, a, times, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, out, times, AT_SYMLINK_NOFOLLOW), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(set, 12, 34), 0);
		assert_int_equal(chmod(set, 04755), 0);
		assert_int_equal(chown(srv, 56, 78), 0);
		assert_int_equal(lchown(out, 90, 12), 0);
	}
	assert_int_equal(chmod(srv, 01770), 0);
	assert_int_equal(utimensat(AT_FDCWD, sub, times, 0), 0);
}

static void copies_all_there_is(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 };
	struct err err = ERR_INIT;
	struct stat st, want;
	_cleanup_free_ char *out = NULL, *a = NULL, *original = in(f->image, "srv/a");
	char target[64] = "", colour[8] = "";

	make_image(f);
	if (copy_up(f, "/srv", &v, &err) < 0)
		fail_msg("%s", err.msg);
	expect_content(v.path, "a", "content of a");
	expect_content(v.path, "empty", "");
	st = stat_of(v.path, "a");
	want = stat_of(v.path, "sub/hard");
	assert_int_equal(st.st_ino, want.st_ino);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(st.st_mtim.tv_sec, 2000);
	assert_int_equal(st.st_mtim.tv_nsec, 2);
	assert_int_equal(stat_of(v.path, "sub").st_mtim.tv_sec, 2000); /* after its content */
	assert_true(S_ISDIR(stat_of(v.path, "sub/deep").st_mode));
	assert_int_equal(stat_of(v.path, "fifo").st_mode, S_IFIFO | 0640);
	assert_int_equal(stat_of(v.path, "set").st_mode & 07777, 04755);
	out = in(v.path, "out");
	assert_true(readlink(out, target, sizeof target - 1) > 0);
	assert_string_equal(target, "/etc/passwd");
	assert_int_equal(stat_of(v.path, "out").st_mtim.tv_sec, 2000);
	assert_true(S_ISLNK(stat_of(v.path, "dangling").st_mode));
	st = stat_of(v.path, ".");
	assert_int_equal(st.st_mode & 07777, 01770);
	if (geteuid() == 0) {
		assert_int_equal(stat_of(v.path, "set").st_uid, 12);
		assert_int_equal(stat_of(v.path, "set").st_gid, 34);
		assert_int_equal(stat_of(v.path, "out").st_uid, 90);
		assert_int_equal(st.st_uid, 56);
		assert_int_equal(st.st_gid, 78);
	}
	a = in(v.path, "a");
	if (getxattr(original, "user.colour", colour, sizeof colour) == 3) {
		assert_int_equal(getxattr(a, "user.colour", colour, sizeof colour), 3);
		assert_memory_equal(colour, "red", 3);
	}
}

static void copies_devices_and_capabilities(void **state)
{
	static const unsigned char cap[] = {
		0x01, 0, 0, 0x02, 0, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	}; /* v2, one bit */
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_free_ char *srv = in(f->image, "srv"), *null = in(srv, "null"), *ping = in(srv, "ping"), *copy = NULL;
	unsigned char got[sizeof cap] = { 0 };
	struct stat st;

	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		skip();
	}
	assert_int_equal(mkdir(srv, 0755), 0);
	put(srv, "ping", "x");
	assert_int_equal(setxattr(ping, "security.capability", cap, sizeof cap, 0), 0);
	if (mknod(null, S_IFCHR | 0666, makedev(1, 3)) < 0)
		print_message("skipped the device: %s\n", strerror(errno));
	assert_int_equal(copy_up(f, "/srv", &v, NULL), 0);
	copy = in(v.path, "ping");
	assert_int_equal(getxattr(copy, "security.capability", got, sizeof got), sizeof cap);
	assert_memory_equal(got, cap, sizeof cap);
	if (lstat(null, &st) == 0)
		assert_int_equal(stat_of(v.path, "null").st_rdev, makedev(1, 3));
}

/* Links in the way to the target are the image's: they end in its root, as they would for its own processes. */
static void stays_in_the_root(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_free_ char *up = in(f->image, "up"), *etc = in(f->image, "etc"), *secret = in(f->dir, "secret");

	assert_int_equal(mkdir(etc, 0755), 0);
	put(etc, "inside", "image's own");
	assert_int_equal(mkdir(secret, 0755), 0);
	put(secret, "outside", "host's");
	assert_int_equal(symlink("/etc", up), 0);
	assert_int_equal(copy_up(f, "/up", &v, NULL), 0);
	expect_content(v.path, "inside", "image's own");
	assert_int_equal(stat_of(v.path, "inside").st_nlink, 1);
	drop(f, "data");
	assert_int_equal(unlink(up), 0);
	assert_int_equal(symlink("../../secret", up), 0);
	volume_done(&v);
	assert_int_equal(copy_up(f, "/up", &v, NULL), 0); /* is /secret in the image, which is not there */
	assert_int_equal(rmdir(v.path), 0);
	assert_int_equal(mkdir(v.path, 0755), 0);
}

static void leaves_what_is_there(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 }, again = { 0 };

	make_image(f);
	assert_int_equal(copy_up(f, "/none", &v, NULL), 0);
	assert_int_equal(volume_ensure(&f->core, "data", NULL, &again, NULL, NULL), 0);
	put(v.path, "mine", "1");
	volume_done(&again);
	assert_int_equal(copy_up(f, "/srv", &again, NULL), 0);
	expect_content(v.path, "mine", "1");
	assert_int_equal(stat_of(v.path, ".").st_mode & 07777, 0755);
	assert_int_equal(access(again.path, F_OK), 0);
	volume_done(&v);
	assert_int_equal(copy_up(f, "/srv/a", &v, NULL), 0); /* a file is nothing to fill a folder with */
}

static void expect_nothing_beside(const struct volume *v)
{
	static const char *const names[] = { "../filling", "../filled", "../copying" };

	for (size_t i = 0; i < 3; i++) {
		_cleanup_free_ char *path = in(v->path, names[i]);

		assert_int_not_equal(access(path, F_OK), 0);
	}
}

static void expect_whole(const struct volume *v)
{
	expect_content(v->path, "a", "content of a");
	expect_content(v->path, "sub/hard", "content of a");
	assert_int_equal(stat_of(v->path, "a").st_ino, stat_of(v->path, "sub/hard").st_ino);
	assert_true(S_ISLNK(stat_of(v->path, "out").st_mode));
	assert_int_equal(stat_of(v->path, ".").st_mode & 07777, 01770);
	expect_nothing_beside(v);
}

/* Who has the volume mounted holds its folder: the files come into that one. */
static void a_holder_sees_the_files(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 }, again = { 0 };
	_cleanup_close_ int held = -1;
	struct stat before, after, image;

	make_image(f);
	assert_int_equal(volume_ensure(&f->core, "data", NULL, &v, NULL, NULL), 0);
	held = open(v.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fstat(held, &before), 0);
	assert_int_equal(copy_up(f, "/srv", &again, NULL), 0);
	assert_int_equal(faccessat(held, "sub/hard", R_OK, 0), 0);
	assert_int_equal(fstat(held, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	image = stat_of(f->image, "srv");
	assert_int_equal(after.st_mode, image.st_mode);
	assert_int_equal(after.st_uid, image.st_uid);
	assert_int_equal(after.st_mtim.tv_sec, image.st_mtim.tv_sec);
	assert_int_equal(after.st_mtim.tv_nsec, image.st_mtim.tv_nsec);
	expect_whole(&v);
}

/* A copy that was killed is made anew; what others have put there meanwhile stays. */
static void completes_what_was_cut_off(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 }, again = { 0 };
	_cleanup_free_ char *filling = NULL;

	make_image(f);
	assert_int_equal(volume_ensure(&f->core, "data", NULL, &again, NULL, NULL), 0);
	filling = in(again.path, "../filling");
	assert_int_equal(mkdir(filling, 0700), 0);
	put(filling, "a", "cont");
	put(again.path, "theirs", "1");
	put(again.path, "empty", "theirs too");
	assert_int_equal(copy_up(f, "/srv", &v, NULL), 0);
	expect_content(v.path, "theirs", "1");
	expect_content(v.path, "empty", "theirs too");
	expect_whole(&v);
}

/* It was whole already and half of it moved: the rest follows, even when the image has nothing there any more to say so. */
static void moves_the_rest(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 }, again = { 0 };
	_cleanup_free_ char *filled = NULL, *srv = in(f->image, "srv"), *other = in(f->image, "other");

	assert_int_equal(mkdir(other, 0755), 0);
	make_image(f);
	assert_int_equal(volume_ensure(&f->core, "data", NULL, &again, NULL, NULL), 0);
	filled = in(again.path, "../filled");
	assert_int_equal(rename(srv, filled), 0);
	put(again.path, "moved", "1");
	assert_int_equal(copy_up(f, "/other", &v, NULL), 0);
	expect_content(v.path, "moved", "1");
	expect_whole(&v);
}

/* As older ones left it, or one that copies in place: what is half there is made anew. */
static void completes_in_place(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 }, again = { 0 };
	_cleanup_free_ char *sub = NULL, *out = NULL;

	make_image(f);
	assert_int_equal(volume_ensure(&f->core, "data", NULL, &again, NULL, NULL), 0);
	sub = in(again.path, "sub");
	out = in(again.path, "out");
	put(again.path, "../copying", "");
	put(again.path, "a", "cont");
	put(again.path, "theirs", "1");
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(symlink("half", out), 0);
	assert_int_equal(copy_up(f, "/srv", &v, NULL), 0);
	expect_content(v.path, "theirs", "1");
	expect_whole(&v);
}

static void ends_with_its_ctx(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 }, again = { 0 };
	const struct cancel on = { .on = 2, .fd = -1 };
	const struct ctx cancelled = { .cancel = &on }, late = { .deadline = 1 };
	struct err err = ERR_INIT;

	make_image(f);
	assert_int_equal(copy_within(f, "/srv", &v, &cancelled, &err), -ERR_CANCELLED);
	assert_non_null(strstr(err.msg, "volume data: "));
	volume_done(&v);
	assert_int_equal(copy_within(f, "/srv", &v, &late, NULL), -ERR_DEADLINE);
	assert_int_equal(rmdir(v.path), 0); /* nothing of it is seen */
	assert_int_equal(mkdir(v.path, 0755), 0);
	assert_int_equal(copy_up(f, "/srv", &again, NULL), 0);
	expect_whole(&again);
}

/* What a job does that has the volume while it is filled: every folder becomes a link to the host's, every file too. */
static void swap_names(const char *volume, const char *outside)
{
	_cleanup_close_ int top = open(volume, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[8], aside[16];

	for (unsigned k = 0;; k++) {
		(void)snprintf(name, sizeof name, "%c%02u", "df"[k % 2], k / 2 % 40);
		(void)snprintf(aside, sizeof aside, "x%u", k);
		if (renameat(top, name, top, aside) == 0 || k % 3 == 0)
			(void)!symlinkat(outside, top, name);
		(void)unlinkat(top, aside, 0);
	}
}

static void make_swappable_image(const struct fixture *f, const char *outside)
{
	_cleanup_free_ char *first = in(f->image, "srv/d00/shadow");

	for (unsigned i = 0; i < 40; i++) {
		_cleanup_free_ char *folder = mem_printf("%s/srv/d%02u", f->image, i), *shadow = mem_printf("%s/shadow", folder),
				    *fifo = mem_printf("%s/srv/f%02u", f->image, i);

		assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
		assert_int_equal(i ? link(first, shadow) : file_write(first, "image's", 7, 0644, NULL), 0);
		assert_int_equal(mkfifo(fifo, 0600), 0);
		assert_int_equal(chmod(fifo, 06777), 0);
	}
	assert_int_equal(mkdir(outside, 0700), 0);
	put(outside, "shadow", "secret");
}

static void try_swaps(const struct fixture *f, bool in_place)
{
	_cleanup_free_ char *outside = in(f->dir, "outside");
	struct stat st;
	int status;

	make_swappable_image(f, outside);
	assert_int_equal(chmod(outside, 0700), 0);
	for (int i = 0; i < 20; i++) {
		_cleanup_(volume_done) struct volume v = { 0 }, again = { 0 };
		pid_t pid;

		assert_int_equal(volume_ensure(&f->core, "data", NULL, &v, NULL, NULL), 0);
		if (in_place)
			put(v.path, "../copying", "");
		pid = fork();
		if (pid == 0)
			swap_names(v.path, outside);
		(void)copy_up(f, "/srv", &again, NULL); /* may fail: it is their volume */
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		st = stat_of(outside, "shadow");
		assert_int_equal(st.st_nlink, 1);
		assert_int_equal(st.st_mode & 07777, 0644);
		assert_int_equal(stat_of(f->dir, "outside").st_mode & 07777, 0700);
		expect_content(outside, "shadow", "secret");
		drop(f, "data");
		expect_content(outside, "shadow", "secret");
	}
}

static void leads_nobody_out(void **state) { try_swaps(*state, false); }
static void leads_nobody_out_in_place(void **state) { try_swaps(*state, true); }

/* A TiB of nothing is a TiB of nothing. */
static void keeps_holes(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_free_ char *srv = in(f->image, "srv"), *holes = in(srv, "holes"), *copy = NULL;
	const off_t size = (off_t)1 << 40, at = (off_t)1 << 39;
	_cleanup_close_ int fd = -1, got = -1;
	char text[8] = "";
	struct stat st;

	assert_int_equal(mkdir(srv, 0755), 0);
	fd = open(holes, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (ftruncate(fd, size) < 0)
		skip(); /* no file system for that */
	assert_int_equal(pwrite(fd, "middle", 6, at), 6);
	assert_int_equal(copy_up(f, "/srv", &v, NULL), 0);
	st = stat_of(v.path, "holes");
	assert_true(st.st_size == size);
	assert_true(st.st_blocks * 512 < 1 << 20);
	copy = in(v.path, "holes");
	got = open(copy, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(got, text, 6, at), 6);
	assert_string_equal(text, "middle");
}

/* An image made to exhaust us is refused, not followed down. */
static void bounds_depth(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_buf_ struct buf path = { 0 };
	struct err err = ERR_INIT;

	buf_addf(&path, "%s/srv", f->image);
	for (int i = 0; i < 200; i++)
		buf_adds(&path, "/d");
	assert_int_equal(file_mkdirs(path.data, 0755, NULL), 0);
	assert_int_equal(copy_up(f, "/srv", &v, &err), -ERR_EXHAUSTED);
	assert_non_null(strstr(err.msg, "volume data: copy /d/d/d"));
}

/* A full volume: the error names volume, file and cause. */
static void names_the_file_that_failed(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_free_ char *srv = in(f->image, "srv"), *big = in(srv, "big"), *text = NULL;
	struct err err = ERR_INIT;
	int r;

	if (geteuid() != 0) {
		print_message("skipped: needs root to mount a small file system\n");
		skip();
	}
	assert_int_equal(mkdir(srv, 0755), 0);
	text = mem_zalloc(1 << 20);
	assert_int_equal(file_write(big, text, 1 << 20, 0644, NULL), 0);
	assert_int_equal(volume_ensure(&f->core, "data", NULL, &v, NULL, NULL), 0);
	assert_int_equal(mount("davit-test", v.path, "tmpfs", 0, "size=64k"), 0);
	volume_done(&v);
	r = copy_up(f, "/srv", &v, &err);
	assert_int_equal(umount2(v.path, MNT_DETACH), 0);
	assert_int_equal(r, -ERR_EXHAUSTED);
	assert_string_equal(err.msg, "volume data: copy /big: No space left on device");
	volume_done(&v);
	assert_int_equal(copy_up(f, "/srv", &v, NULL), 0); /* the next one makes it whole */
	assert_int_equal(stat_of(v.path, "big").st_size, 1 << 20);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
RUN_TESTS("volume", T(makes_once), T(names_anonymous_ones), T(refuses_names), T(lists_in_order), T(drops), T(drops_what_is_locked),
	  T(goes_with_its_task), T(makers_agree), T(copies_all_there_is), T(copies_devices_and_capabilities), T(stays_in_the_root),
	  T(leaves_what_is_there), T(a_holder_sees_the_files), T(completes_what_was_cut_off), T(moves_the_rest),
	  T(completes_in_place), T(ends_with_its_ctx), T(leads_nobody_out), T(leads_nobody_out_in_place), T(keeps_holes),
	  T(bounds_depth), T(names_the_file_that_failed))
