/* The short cut and the long way: a file looked up in the layers from here, and through a mount of them. Needs root. */
#include "test.h"
#include "test-folder.h"
#include "identity.h"
#include "rootfs.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static int setup(void **state)
{
	struct test_folder *f = test_folder_new("layers", "scratch");

	assert_int_equal(mkdir(f->path, 0700), 0);
	*state = f;
	return 0;
}

/* What a layer has, a word each: "d:etc" a folder, "f:etc/passwd=text", "l:etc/passwd=target", "p:" a FIFO, "c:" a device,
 * "w:" a whiteout, "o:etc" makes a folder opaque, "r:etc=/x" redirected, "m:etc/passwd" metacopy, "s:" a sparse GiB. */
static void make(const struct test_folder *f, const char *layer, const char *entries)
{
	_cleanup_strv_ struct strv all = { 0 };
	_cleanup_free_ char *dir = mem_printf("%s/%s", f->dir, layer);

	assert_int_equal(file_mkdirs(dir, 0755, NULL), 0);
	strv_split(&all, entries, " ");
	for (size_t i = 0; i < all.n; i++) {
		char *e = all.v[i], *value = strchr(e, '='), kind = *e;
		_cleanup_free_ char *path = NULL, *parent = NULL;
		int r = 0;

		if (value)
			*value++ = '\0';
		path = mem_printf("%s/%s", dir, e + 2);
		parent = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
		assert_int_equal(file_mkdirs(parent, 0755, NULL), 0);
		switch (kind) {
		case 'd': r = file_mkdirs(path, 0755, NULL); break;
		case 'f': r = file_write(path, value, strlen(value), 0644, NULL); break;
		case 'l': r = symlink(value, path); break;
		case 'p': r = mkfifo(path, 0644); break;
		case 'c': r = mknod(path, S_IFCHR | 0666, makedev(1, 5)); break;
		case 'w': r = mknod(path, S_IFCHR | 0666, makedev(0, 0)); break;
		case 'o': r = setxattr(path, "trusted.overlay.opaque", "y", 1, 0); break;
		case 'r': r = setxattr(path, "trusted.overlay.redirect", value, strlen(value), 0); break;
		case 'm': r = setxattr(path, "trusted.overlay.metacopy", "", 0, 0); break;
		case 's': r = file_write(path, "", 0, 0644, NULL) < 0 ? -1 : truncate(path, 1 << 30); break;
		default: fail_msg("%s", e);
		}
		if (r < 0)
			fail_msg("%s %s: %s", layer, e, strerror(errno));
	}
}

/* What the file is: its text, or the error's. */
static char *seen(const struct layers *l, struct err *err)
{
	_cleanup_(user_files_done) struct user_files files = { 0 };
	int r = identity_read(l, "image", &files, err);

	if (r == -ERR_UNIMPLEMENTED)
		return mem_strdup("takes a mount");
	return r < 0 ? mem_strdup(err->msg) : mem_strdup(buf_str(&files.passwd));
}

/* Top first; "" ends. A layer more at the bottom makes it an overlay for the mount, too. */
struct row {
	const char *layers[4];
	const char *want; /* NULL: takes a mount */
};

#define NOT_REGULAR(kind) "image's /etc/passwd: " kind ", not a regular file"
#define LEADS(where) "image's /etc/passwd: leads into " where

static const struct row rows[] = {
	{ { "f:etc/passwd=one" }, "one" },
	{ { "d:x", "f:etc/passwd=low" }, "low" },
	{ { "f:etc/passwd=top", "f:etc/passwd=low" }, "top" },
	{ { "d:etc", "f:etc/passwd=low" }, "low" },
	{ { "d:bin" }, "" },
	{ { "w:etc/passwd", "f:etc/passwd=low" }, "" },
	{ { "w:etc", "f:etc/passwd=low" }, "" },
	{ { "d:etc o:etc", "f:etc/passwd=low" }, "" },
	{ { "d:etc", "d:etc o:etc", "f:etc/passwd=low" }, "" },
	{ { "d:etc", "w:etc", "f:etc/passwd=low" }, "" },
	{ { "f:etc=file", "f:etc/passwd=low" }, "" },
	{ { "d:etc", "f:etc=file", "f:etc/passwd=low" }, "" },
	{ { "f:etc/passwd=new", "w:etc/passwd", "f:etc/passwd=low" }, "new" },
	{ { "l:etc=usr/etc", "f:usr/etc/passwd=usr" }, "usr" },
	{ { "l:etc=/usr/etc", "f:usr/etc/passwd=usr" }, "usr" },
	{ { "f:usr/etc/passwd=top", "l:etc=usr/etc f:usr/etc/passwd=low" }, "top" },
	{ { "w:usr/etc/passwd", "l:etc=usr/etc f:usr/etc/passwd=low" }, "" },
	{ { "l:etc/passwd=users f:etc/users=rel" }, "rel" },
	{ { "f:etc/users=rel", "l:etc/passwd=users" }, "rel" },
	{ { "l:etc/passwd=/lib/users", "f:lib/users=abs" }, "abs" },
	{ { "l:etc/passwd=../lib/users f:lib/users=up" }, "up" },
	{ { "l:etc/passwd=../../../../../etc/users f:etc/users=in" }, "in" },
	{ { "l:etc/passwd=a/../users l:etc/a=/lib/deep d:lib/deep f:lib/users=phys f:etc/users=lex" }, "phys" },
	{ { "l:etc/passwd=././/users f:etc/users=dots" }, "dots" },
	{ { "l:etc/passwd=users/ f:etc/users=slash" }, "" },
	{ { "l:etc/passwd=users/. f:etc/users=slash" }, "" },
	{ { "l:etc/passwd=nowhere" }, "" },
	{ { "l:etc/passwd=nowhere", "f:etc/passwd=low" }, "" },
	{ { "l:etc/passwd=passwd" }, "" },
	{ { "l:etc/passwd=/etc/passwd" }, "" },
	{ { "l:etc/passwd=b l:etc/b=passwd" }, "" },
	{ { "l:etc/passwd=/" }, NOT_REGULAR("a folder") },
	{ { "d:etc/passwd" }, NOT_REGULAR("a folder") },
	{ { "d:etc/passwd", "f:etc/passwd=low" }, NOT_REGULAR("a folder") },
	{ { "p:etc/passwd" }, NOT_REGULAR("a FIFO") },
	{ { "p:etc/passwd", "f:etc/passwd=low" }, NOT_REGULAR("a FIFO") },
	{ { "c:etc/passwd" }, NOT_REGULAR("a device") },
	{ { "l:etc/passwd=fifo p:etc/fifo" }, NOT_REGULAR("a FIFO") },
	{ { "l:etc/passwd=/dev/zero" }, LEADS("/dev") },
	{ { "l:etc/passwd=../dev/stdin" }, LEADS("/dev") },
	{ { "l:etc/passwd=/proc/self/fd/0" }, LEADS("/proc") },
	{ { "l:etc=/sys/x" }, LEADS("/sys") },
	{ { "f:etc/passwd=ok p:etc/group" }, "image's /etc/group: a FIFO, not a regular file" },
	{ { "s:etc/passwd" }, "image's /etc/passwd: longer than 4 MiB" },
	{ { "d:lib", "f:lib/x=1", "f:etc/passwd=deep" }, "deep" },
	{ { "d:etc r:etc=/old", "f:old/passwd=moved f:etc/passwd=low" }, NULL },
	{ { "f:etc/passwd= m:etc/passwd", "f:etc/passwd=data" }, NULL },
};

static void mounted_as(struct ctrd_mounts *ret, const char *type, const char *source, const char *options)
{
	*ret = (struct ctrd_mounts){ .v = mem_array(struct ctrd_mount, 1), .n = 1 };
	ret->v[0] = (struct ctrd_mount){ .type = mem_strdup(type), .source = mem_strdup(source) };
	strv_split(&ret->v[0].options, options, ",");
}

/* Upper and work folder are made up: neither look needs them. */
static void snapshot_of(const struct test_folder *f, size_t row, struct ctrd_mounts *ret)
{
	_cleanup_buf_ struct buf options = { 0 };

	buf_addf(&options, "index=off,workdir=%s/none,upperdir=%s/none,lowerdir=", f->dir, f->dir);
	for (size_t i = 0; i < 4 && rows[row].layers[i]; i++) {
		_cleanup_free_ char *layer = mem_printf("%zu-%zu", row, i);

		make(f, layer, rows[row].layers[i]);
		buf_addf(&options, "%s/%s:", f->dir, layer);
	}
	buf_addf(&options, "%s/bottom", f->dir);
	mounted_as(ret, "overlay", "overlay", buf_str(&options));
}

static void short_cut_is_the_long_way(void **state)
{
	const struct test_folder *f = *state;

	if (geteuid() != 0)
		skip();
	make(f, "bottom", "d:bin");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
		_cleanup_(layers_done) struct layers near = { 0 }, far = { 0 };
		_cleanup_free_ char *a = NULL, *b = NULL;
		struct err err = ERR_INIT, err2 = ERR_INIT;
		int fd = -1;

		snapshot_of(f, i, &mounts);
		if (layers_of_mounts(&mounts, false, &near, &err) < 0 || rootfs_open(&mounts, f->path, &fd, &err) < 0)
			fail_msg("%zu: %s", i, err.msg);
		layers_of_root(fd, false, &far);
		a = seen(&near, &err);
		b = seen(&far, &err2);
		if (strcmp(a, rows[i].want ? rows[i].want : "takes a mount") != 0)
			fail_msg("%zu, from here: \"%s\", not \"%s\"", i, a, rows[i].want ? rows[i].want : "takes a mount");
		/* redirects and metacopy are followed as the kernel is set up: what matters is that it is asked */
		if (rows[i].want && strcmp(b, rows[i].want) != 0)
			fail_msg("%zu, mounted: \"%s\", not \"%s\"", i, b, rows[i].want);
	}
}

/* A mount of the job's is what the container sees: a volume that another job has filled, above all. */
static void sees_what_covers(void **state)
{
	static const struct {
		const char *layer, *target, *source, *want;
	} over[] = {
		{ "f:etc/passwd=image", "/etc/passwd", "f", "file" },
		{ "f:etc/passwd=image", "/etc/passwd", "p", NOT_REGULAR("a FIFO") },
		{ "f:etc/passwd=image", "/etc//./passwd/", "p", NOT_REGULAR("a FIFO") },
		{ "f:etc/passwd=image", "/etc", "d", "inside" },
		{ "f:etc/passwd=image", "/etc", NULL, "" },
		{ "l:etc=usr/etc f:usr/etc/passwd=image", "/etc", "d", "inside" },
		{ "l:etc=usr/etc f:usr/etc/passwd=image", "/usr/etc", "d", "inside" },
		{ "l:etc=usr/etc d:usr", "/etc", "d", "inside" },
		{ "d:bin", "/etc/passwd", "p", NOT_REGULAR("a FIFO") },
		{ "d:bin", "/etc", "d", "inside" },
		{ "l:etc/passwd=/dev/users", "/dev", "d", "users" },
		{ "l:etc/passwd=/data/users", "/data", "d", "users" },
		{ "f:etc/passwd=image", "/data", "d", "image" },
		{ "f:etc/passwd=image", "/", "d", "image" },
	};
	const struct test_folder *f = *state;

	make(f, "over", "f:f=file p:p f:d/passwd=inside f:d/users=users");
	for (size_t i = 0; i < sizeof over / sizeof *over; i++) {
		_cleanup_free_ char *layer = mem_printf("c%zu", i), *dir = mem_printf("%s/%s", f->dir, layer), *got = NULL,
				    *source = over[i].source ? mem_printf("%s/over/%s", f->dir, over[i].source) : NULL;
		_cleanup_(layers_done) struct layers l = { 0 };
		struct err err = ERR_INIT;

		make(f, layer, over[i].layer);
		layers_of_root(open(dir, O_PATH | O_CLOEXEC), false, &l);
		assert_int_equal(layers_cover(&l, over[i].target, source ? open(source, O_PATH | O_CLOEXEC) : -1, &err), 0);
		got = seen(&l, &err);
		if (strcmp(got, over[i].want) != 0)
			fail_msg("%zu: \"%s\", not \"%s\"", i, got, over[i].want);
	}
}

/* Where somebody who makes the folder would make it, as with the image's links in the way. */
static void says_where_it_would_be_made(void **state)
{
	static const struct {
		const char *layer, *path, *want;
	} absent[] = {
		{ "l:lnk=/var/lib/there", "/lnk", "/var/lib/there" },
		{ "l:lnk=there", "/lnk/./sub/../x", "/there/x" },
		{ "d:a l:a/lnk=../../../up", "/a/lnk", "/up" },
		{ "l:one=two l:two=/three/", "/one/x", "/three/x" },
		{ "d:a", "/b/c", "/b/c" },
		{ "d:a", "b", "/b" },
		{ "l:lnk=/a d:a", "/lnk/x", "/a/x" },
		{ "l:lnk=/data/x", "/lnk", "/data/x" },
		{ "d:a", "/a", NULL },
		{ "l:lnk=/a d:a", "/lnk", NULL },
		{ "d:a", "/", NULL },
		{ "f:a=", "/a", NULL },
		{ "l:loop=loop", "/loop", NULL },
		{ "l:lnk=/proc/self", "/lnk", NULL },
		{ "d:a", "/data", NULL },
	};
	const struct test_folder *f = *state;

	make(f, "over", "d:d");
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
		_cleanup_free_ char *layer = mem_printf("c%zu", i), *dir = mem_printf("%s/%s", f->dir, layer), *got = NULL,
				    *source = mem_printf("%s/over/d", f->dir);
		_cleanup_(layers_done) struct layers l = { 0 };

		make(f, layer, absent[i].layer);
		layers_of_root(open(dir, O_PATH | O_CLOEXEC), false, &l);
		assert_int_equal(layers_cover(&l, "/data", open(source, O_PATH | O_CLOEXEC), NULL), 0);
		got = layers_absent(&l, absent[i].path);
		if (!got != !absent[i].want || (got && strcmp(got, absent[i].want) != 0))
			fail_msg("%s in \"%s\": %s", absent[i].path, absent[i].layer, got ? got : "(there)");
	}
}

static void looks_into_what_was_written(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_free_ char *options =
		mem_printf("index=off,workdir=%s/none,upperdir=%s/upper,lowerdir=%s/low", f->dir, f->dir, f->dir);
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	_cleanup_(layers_done) struct layers fresh = { 0 }, used = { 0 };
	_cleanup_free_ char *a = NULL, *b = NULL;
	struct err err = ERR_INIT;

	make(f, "low", "f:etc/passwd=image");
	make(f, "upper", "p:etc/passwd");
	mounted_as(&mounts, "overlay", "overlay", options);
	assert_int_equal(layers_of_mounts(&mounts, false, &fresh, NULL), 0);
	assert_int_equal(layers_of_mounts(&mounts, true, &used, NULL), 0);
	a = seen(&fresh, &err);
	b = seen(&used, &err);
	assert_string_equal(a, "image");
	assert_string_equal(b, NOT_REGULAR("a FIFO"));
}

static void knows_what_it_cannot_walk(void **state)
{
	static const char *const rows_[][2] = {
		{ "btrfs", "subvolid=5" },
		{ "overlay", "workdir=/x" },
		{ "overlay", "lowerdir=/:/,userxattr" },
		{ "overlay", "lowerdir=/a\\:b" },
		{ "overlay", "lowerdir=/::/" },
		{ "overlay", "lowerdir=etc" },
		{ "overlay", "lowerdir=/,redirect_dir=on" },
		{ "overlay", "lowerdir=/,uidmap=0:1:2" },
		{ "overlay", "lowerdir=" },
		{ "fuse.x", "" },
	};
	struct ctrd_mounts none = { 0 };
	struct layers l = { 0 };

	(void)state;
	assert_int_equal(layers_of_mounts(&none, false, &l, NULL), -ERR_UNIMPLEMENTED);
	for (size_t i = 0; i < sizeof rows_ / sizeof *rows_; i++) {
		_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };

		mounted_as(&mounts, rows_[i][0], "none", rows_[i][1]);
		if (layers_of_mounts(&mounts, false, &l, NULL) != -ERR_UNIMPLEMENTED)
			fail_msg("%s is walked", rows_[i][1]);
	}
}

/* A running job's root: /proc is there, and its links lead anywhere. */
static void a_live_root_has_no_way_out(void **state)
{
	static const struct {
		const char *path, *want;
	} live[] = {
		{ "/proc/self/fd/0", "leads through a link of /proc" },
		{ "/dev/zero", NULL },
		{ "/dev/fd/0", "leads through a link of /proc" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof live / sizeof *live; i++) {
		_cleanup_(layers_done) struct layers l = { 0 };
		_cleanup_close_ int fd = -1;
		struct err err = ERR_INIT;
		int r;

		layers_of_root(open("/", O_PATH | O_CLOEXEC), true, &l);
		r = layers_open(&l, live[i].path, &fd, &err);
		assert_int_equal(r, live[i].want ? -ERR_INVALID : 0);
		if (live[i].want)
			assert_string_equal(err.msg, live[i].want);
	}
}

static void reads_a_process_s_files(void **state)
{
	_cleanup_(user_files_done) struct user_files files = { 0 };

	(void)state;
	assert_int_equal(identity_of_process(getpid(), &files, NULL), 0);
	assert_non_null(strstr(buf_str(&files.passwd), "root:"));
	assert_string_equal(files.whose, "job");
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, test_folder_teardown)
RUN_TESTS("layers", CASE(short_cut_is_the_long_way), CASE(sees_what_covers), CASE(says_where_it_would_be_made),
	  CASE(looks_into_what_was_written), cmocka_unit_test(knows_what_it_cannot_walk),
	  cmocka_unit_test(a_live_root_has_no_way_out), cmocka_unit_test(reads_a_process_s_files))
