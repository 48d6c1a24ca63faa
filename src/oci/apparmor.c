/* The profile takes away what a job has no business with even when a mount, a capability or the kernel lets it through: mounting,
 * the kernel's switches below /proc and /sys, and processes of other confinement. It names no file that the job may use: that is
 * decided by what is in its root. Once loaded it stays until the host boots, so the parser runs once. */
#include "apparmor.h"
#include "child.h"
#include "file.h"
#include "mem.h"
#include <string.h>

enum { LIST_MAX = 4 << 20, PARSER_OUT_MAX = 4096, PARSER_MS = 60000 };

static const char profile_text[] =
	"profile " APPARMOR_DEFAULT " flags=(attach_disconnected,mediate_deleted) {\n"
	"  file,\n"
	"  network,\n"
	"  unix,\n"
	"  capability,\n"
	"\n"
	"  # Mount rules are missing: nothing is mounted, moved or taken away.\n"
	"  deny mount,\n"
	"  deny umount,\n"
	"  deny pivot_root,\n"
	"\n"
	"  # Other jobs have the same profile and other process namespaces. Whoever runs the job may end it.\n"
	"  signal (send, receive) peer=" APPARMOR_DEFAULT ",\n"
	"  signal (receive) peer=unconfined,\n"
	"  signal (receive) peer=runc,\n"
	"  signal (receive) peer=crun,\n"
	"  ptrace (trace, tracedby, read, readby) peer=" APPARMOR_DEFAULT ",\n"
	"\n"
	"  # /proc: what belongs to a process begins with its number; the rest are the kernel's.\n"
	"  deny /proc/[^0-9]* wkl,\n"
	"  deny /proc/[^0-9]*/** wkl,\n"
	"  deny /proc/kcore rwkl,\n"
	"  deny /proc/sysrq-trigger rwkl,\n"
	"\n"
	"  # /sys but for the cgroups, which the job may have a hierarchy of its own of.\n"
	"  deny /sys/[^f]** wkl,\n"
	"  deny /sys/f[^s]** wkl,\n"
	"  deny /sys/fs/[^c]** wkl,\n"
	"  deny /sys/fs/c[^g]** wkl,\n"
	"  deny /sys/firmware/** rwkl,\n"
	"  deny /sys/kernel/security/** rwkl,\n"
	"  deny /sys/kernel/debug/** rwkl,\n"
	"  deny /sys/kernel/tracing/** rwkl,\n"
	"  deny /sys/devices/virtual/powercap/** rwkl,\n"
	"}\n";

static bool below(const char *root, const char *path)
{
	_cleanup_free_ char *full = mem_printf("%s%s", root, path);

	return file_exists(full);
}

enum apparmor_state apparmor_state(const char *root)
{
	_cleanup_free_ char *path = mem_printf("%s/sys/module/apparmor/parameters/enabled", root);
	_cleanup_buf_ struct buf enabled = { 0 };

	if (file_read(path, 64, &enabled, NULL) < 0 || *buf_str(&enabled) != 'Y')
		return APPARMOR_OFF;
	return below(root, "/sys/kernel/security/apparmor/profiles") ? APPARMOR_ON : APPARMOR_UNSEEN;
}

/* A line of the list: "NAME (MODE)"; a name may hold blanks. */
static bool is_line_of(const char *line, size_t len, const char *profile)
{
	size_t n = strlen(profile);

	return len > n + 2 && !memcmp(line, profile, n) && !memcmp(line + n, " (", 2) && !memchr(line + n + 2, '(', len - n - 2);
}

int apparmor_loaded(const char *root, const char *profile, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/sys/kernel/security/apparmor/profiles", root);
	_cleanup_buf_ struct buf list = { 0 };
	const char *line, *end;
	int r = file_read(path, LIST_MAX, &list, err);

	if (r < 0)
		return err_wrap(err, r, "AppArmor's profiles");
	for (line = buf_str(&list); *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		if (is_line_of(line, (size_t)(end - line), profile))
			return 1;
	}
	return 0;
}

int apparmor_choose(const char *root, const struct task *t, const char **ret_profile, struct err *err)
{
	const char *asked = t->apparmor;
	int r;

	if ((asked && !strcmp(asked, "unconfined")) || (!asked && t->privileged)) {
		*ret_profile = NULL;
		return 0;
	}
	if (apparmor_state(root) != APPARMOR_ON) {
		*ret_profile = NULL;
		if (!asked)
			return 0;
		r = err_set(err, ERR_PRECONDITION, "apparmor profile %s: this host has no AppArmor", asked);
		return err_hint(err, r, "leave out --security-opt apparmor=%s", asked);
	}
	if (asked && strcmp(asked, APPARMOR_DEFAULT) != 0) {
		r = apparmor_loaded(root, asked, err);
		if (r < 0)
			return r;
		if (!r)
			return err_hint(err, err_set(err, ERR_PRECONDITION, "apparmor profile %s: not loaded", asked),
					"load it: apparmor_parser -r /etc/apparmor.d/FILE; aa-status lists those that are");
	}
	*ret_profile = asked ? asked : APPARMOR_DEFAULT;
	return 0;
}

/* Without its age a parser compiles for all that its kernel can: kinds of later rules would deny what nobody wrote down. */
void apparmor_text(const char *root, struct buf *out)
{
	if (below(root, "/etc/apparmor.d/abi/3.0"))
		buf_adds(out, "abi <abi/3.0>,\n");
	buf_adds(out, profile_text);
}

char *apparmor_parser(const char *root)
{
	_cleanup_free_ char *folders = mem_printf("%s/usr/sbin:%s/sbin:%s/usr/local/sbin:%s/usr/bin", root, root, root, root);

	return file_find(folders, "apparmor_parser");
}

int apparmor_load(const char *root, struct loop *loop, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *parser = apparmor_parser(root);
	char *const argv[] = { parser, (char[]){ "-Kr" }, NULL }; /* reads standard input; keeps no cache */
	_cleanup_buf_ struct buf text = { 0 };
	struct child_spec spec = { .path = parser, .argv = argv, .out_max = PARSER_OUT_MAX, .err_max = PARSER_OUT_MAX };
	const struct ctx soon = ctx_within(ctx, PARSER_MS);
	_cleanup_(child_freep) struct child *child = NULL;
	int r;

	if (!parser)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "apparmor_parser: there is no such program"),
				"apt-get install apparmor");
	apparmor_text(root, &text);
	spec.input = buf_str(&text);
	spec.input_len = text.len;
	r = child_start(loop, &spec, &child, err);
	if (r >= 0)
		r = child_wait(child, &soon, err);
	if (r < 0)
		return err_wrap(err, r, "apparmor profile " APPARMOR_DEFAULT);
	if (r > 0)
		return err_set(err, ERR_PRECONDITION, "apparmor profile " APPARMOR_DEFAULT ": %s does not load it: %s", parser,
			       buf_str(child_err(child)));
	return 0;
}
