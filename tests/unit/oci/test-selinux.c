/* Against trees of files that look like hosts with SELinux. Attributes are real where the kernel keeps them. */
#include "test.h"
#include "file.h"
#include "mem.h"
#include "relabel.h"
#include "selinux.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ENFORCE "/sys/fs/selinux/enforce"
#define CONTEXTS "/contexts/lxc_contexts"
#define FILE_T "system_u:object_r:container_file_t:s0"

static const char contexts[] =
	"# of container-selinux\nprocess = \"system_u:system_r:container_t:s0\"\ncontent = "
	"\"system_u:object_r:virt_var_lib_t:s0\"\n"
	"file = \"system_u:object_r:container_file_t:s0\"\nro_file=\"system_u:object_r:container_ro_file_t:s0\"\n";
static char root[64];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof root, "/tmp/davit-test-selinux-XXXXXX");
	assert_non_null(mkdtemp(root));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(root, NULL);
}

static void put(const char *path, const char *text)
{
	_cleanup_free_ char *full = mem_printf("%s%s", root, path), *folder = mem_strdup(full);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
	assert_int_equal(file_write(full, text, strlen(text), 0644, NULL), 0);
}

static void opened(enum selinux_state want, const char *process)
{
	_cleanup_(selinux_done) struct selinux s = { 0 };

	assert_int_equal(selinux_open(root, &s), want);
	if (process)
		assert_string_equal(s.process, process);
	else
		assert_null(s.process);
}

static void knows_the_host(void **state)
{
	(void)state;
	opened(SELINUX_OFF, NULL);
	put("/etc/selinux/targeted" CONTEXTS, contexts);
	opened(SELINUX_OFF, NULL);
	put(ENFORCE, "1");
	assert_true(selinux_enforcing(root));
	opened(SELINUX_ON, "system_u:system_r:container_t:s0");
	put(ENFORCE, "0");
	assert_false(selinux_enforcing(root));
	opened(SELINUX_ON, "system_u:system_r:container_t:s0"); /* permissive is on */
	put("/etc/selinux/config", "# words\nSELINUX=enforcing\nSELINUXTYPE=mls\n");
	opened(SELINUX_WITHOUT, NULL);
	put("/etc/selinux/mls" CONTEXTS, "process = \"a:b:c:s0-s15:c0.c1023\"\nfile = \"d:e:f:s0\"\n");
	opened(SELINUX_ON, "a:b:c:s0-s15:c0.c1023");
	put("/etc/selinux/mls" CONTEXTS, "process = \"a:b:c\"\nfile = \"d:e:f:s0\"\n");
	opened(SELINUX_WITHOUT, NULL);
	put("/etc/selinux/mls" CONTEXTS, "process_x = \"a:b:c:s0\"\n");
	opened(SELINUX_WITHOUT, NULL);
	put("/etc/selinux/config", "SELINUXTYPE=../targeted\n");
	opened(SELINUX_ON, "system_u:system_r:container_t:s0"); /* no path leads elsewhere */
}

static void draws_pairs(void **state)
{
	char level[SELINUX_LEVEL];
	unsigned a, b, different = 0, before = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		char end;

		selinux_draw(level);
		assert_int_equal(sscanf(level, "s0:c%u,c%u%c", &a, &b, &end), 2);
		assert_true(a < b && b < 1024);
		different += a * 1024 + b != before;
		before = a * 1024 + b;
	}
	assert_true(different > 4900);
}

static const struct {
	const char *options, *process, *mount, *shared;
} rows[] = {
	{ "", "system_u:system_r:container_t:s0:c1,c2", FILE_T ":c1,c2", FILE_T },
	{ "disable", NULL, NULL, NULL },
	{ "type:spc_t disable", NULL, NULL, NULL },
	{ "type:spc_t", "system_u:system_r:spc_t:s0:c1,c2", FILE_T ":c1,c2", FILE_T },
	{ "level:s0:c7,c9", "system_u:system_r:container_t:s0:c7,c9", FILE_T ":c7,c9", FILE_T },
	{ "user:u role:r level:s1", "u:r:container_t:s1", "system_u:object_r:container_file_t:s1", FILE_T },
	{ "filetype:share_t type:a type:b", "system_u:system_r:b:s0:c1,c2", "system_u:object_r:share_t:s0:c1,c2",
	  "system_u:object_r:share_t:s0" },
};

static void same(const char *got, const char *want)
{
	if (!want)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static void makes_labels(void **state)
{
	_cleanup_(selinux_done) struct selinux s = { 0 };

	(void)state;
	put(ENFORCE, "1");
	put("/etc/selinux/targeted" CONTEXTS, contexts);
	assert_int_equal(selinux_open(root, &s), SELINUX_ON);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(selinux_labels_done) struct selinux_labels l = { 0 };
		_cleanup_strv_ struct strv options = { 0 };

		strv_split(&options, rows[i].options, " ");
		selinux_labels(&s, &options, "s0:c1,c2", &l);
		same(l.process, rows[i].process);
		same(l.mount, rows[i].mount);
		same(l.shared, rows[i].shared);
	}
}

static void asks_the_policy(void **state)
{
	_cleanup_free_ char *path = mem_printf("%s/sys/fs/selinux/context", root);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(selinux_check(root, "a:b:c:s0", NULL), 0);
	put("/sys/fs/selinux/context", "");
	assert_int_equal(selinux_check(root, "a:b:c:s0", NULL), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/proc/self/oom_score_adj", path), 0); /* a file that says EINVAL to such words */
	assert_int_equal(selinux_check(root, "a:b:c:s0", &err), -ERR_INVALID);
	assert_string_equal(err.msg, "SELinux label a:b:c:s0: the loaded policy does not know it");
}

static void quotes_the_mount_option(void **state)
{
	_cleanup_free_ char *o = selinux_mount_option(FILE_T ":c1,c2");

	(void)state;
	assert_string_equal(o, "context=\"" FILE_T ":c1,c2\"");
}

/* relabelling */

static void expect_label(const char *path, const char *want)
{
	_cleanup_free_ char *full = mem_printf("%s%s", root, path);
	char label[256] = "";
	ssize_t n = lgetxattr(full, "security.selinux", label, sizeof label - 1);

	if (want && (n < 0 || strcmp(label, want) != 0))
		fail_msg("%s: %s", path, n < 0 ? "no label" : label);
	if (!want && n >= 0)
		fail_msg("%s: %s", path, label);
}

static void need_labels(void)
{
	_cleanup_free_ char *probe = mem_printf("%s/probe", root);

	put("/probe", "");
	if (setxattr(probe, "security.selinux", "x", 2, 0) == 0)
		return;
	print_message("skip: no label can be set here: %s\n", strerrordesc_np(errno));
	skip();
}

static void relabels_a_tree(void **state)
{
	_cleanup_free_ char *tree = mem_printf("%s/tree", root), *out = mem_printf("%s/tree/sub/out", root),
			    *fifo = mem_printf("%s/tree/fifo", root), *outside = mem_printf("%s/outside", root),
			    *one = mem_printf("%s/tree/sub/file", root);

	(void)state;
	need_labels();
	put("/outside/secret", "");
	put("/tree/sub/file", "");
	assert_int_equal(symlink(outside, out), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0); /* nobody waits for its other end */
	assert_int_equal(relabel_tree(tree, tree, "l:a:b:s0", NULL), 0);
	expect_label("/tree", "l:a:b:s0");
	expect_label("/tree/sub", "l:a:b:s0");
	expect_label("/tree/sub/file", "l:a:b:s0");
	expect_label("/tree/sub/out", "l:a:b:s0"); /* the link itself */
	expect_label("/tree/fifo", "l:a:b:s0");
	expect_label("/outside", NULL);
	expect_label("/outside/secret", NULL);
	assert_int_equal(relabel_file(one, "other", NULL), 0);
	expect_label("/tree/sub/file", "other");
	expect_label("/tree/sub", "l:a:b:s0");
}

/* A mount of the same file system, which st_dev does not tell from its folder, and one of a file. */
static void stops_at_mounts(void **state)
{
	_cleanup_free_ char *tree = mem_printf("%s/tree", root), *on = mem_printf("%s/tree/on", root),
			    *onto = mem_printf("%s/tree/onto", root), *outside = mem_printf("%s/outside", root),
			    *secret = mem_printf("%s/outside/secret", root);

	(void)state;
	need_labels();
	put("/outside/secret", "");
	put("/tree/on/below", "");
	put("/tree/onto", "");
	put("/tree/file", "");
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(outside, on, NULL, MS_BIND, NULL) < 0) {
		print_message("skip: nothing can be mounted here: %s\n", strerrordesc_np(errno));
		skip();
	}
	assert_int_equal(mount(secret, onto, NULL, MS_BIND, NULL), 0);
	assert_int_equal(relabel_tree(tree, tree, "l:a:b:s0", NULL), 0);
	expect_label("/tree/file", "l:a:b:s0");
	expect_label("/outside", NULL);
	expect_label("/outside/secret", NULL);
	assert_int_equal(umount(on) | umount(onto), 0);
	expect_label("/tree/on", NULL);
}

static void bounds_depth(void **state)
{
	_cleanup_free_ char *tree = mem_printf("%s/deep", root);
	_cleanup_close_ int fd = -1;
	struct err err = ERR_INIT;

	(void)state;
	need_labels();
	put("/deep/x", "");
	fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 300; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		(void)close(fd);
		fd = next;
	}
	assert_int_equal(relabel_tree(tree, tree, "l:a:b:s0", &err), -ERR_EXHAUSTED);
}

static void spares_the_host(void **state)
{
	static const char *const host[] = { "/",    "/usr", "/etc",  "/home",     "/var",    "/var/lib",   "/run",
					    "/tmp", "/dev", "/proc", "/proc/sys", "/sys/fs", "/etc/passwd" };
	_cleanup_free_ char *link = mem_printf("%s/link", root);
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof host / sizeof *host; i++)
		if (access(host[i], F_OK) == 0 && relabel_tree(host[i], host[i], "l:a:b:s0", NULL) != -ERR_INVALID)
			fail_msg("%s", host[i]);
	assert_int_equal(symlink("/usr/../etc", link), 0);
	assert_int_equal(relabel_tree(link, link, "l:a:b:s0", &err), -ERR_INVALID); /* it is what it leads to */
	assert_non_null(strstr(err.msg, "relabel /etc: the host itself lives there"));
	assert_int_equal(relabel_tree(root, "/etc", "l:a:b:s0", NULL), -ERR_INVALID); /* or what is mounted there */
	assert_int_equal(relabel_tree("/nowhere/at/all", "/nowhere/at/all", "l", NULL), -ERR_NOT_FOUND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
RUN_TESTS("selinux", CASE(knows_the_host), CASE(draws_pairs), CASE(makes_labels), CASE(asks_the_policy),
	  CASE(quotes_the_mount_option), CASE(relabels_a_tree), CASE(stops_at_mounts), CASE(bounds_depth), CASE(spares_the_host))
