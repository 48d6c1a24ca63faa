/* What a job's processes and files are called, so that the policy keeps it from the host (by its type) and from other jobs (by a
 * pair of categories that is its own). The names come from the policy that is installed: contexts/lxc_contexts of its folder has
 * lines such as process = "system_u:system_r:container_t:s0". A context is USER:ROLE:TYPE:LEVEL, and a level may hold colons. */
#include "selinux.h"
#include "buf.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { CONFIG_MAX = 65536, CATEGORIES = 1024 };

void selinux_done(struct selinux *s)
{
	free(s->process);
	free(s->file);
	*s = (struct selinux){ 0 };
}

void selinux_labels_done(struct selinux_labels *l)
{
	free(l->process);
	free(l->mount);
	free(l->shared);
	*l = (struct selinux_labels){ 0 };
}

/* The value of the last line "KEY = VALUE" or "KEY=\"VALUE\""; the caller frees, NULL when there is none. */
static char *setting(const char *text, const char *key)
{
	_cleanup_strv_ struct strv lines = { 0 };
	size_t n = strlen(key);
	char *found = NULL;

	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *p = lines.v[i] + strspn(lines.v[i], " \t");

		if (strncmp(p, key, n) != 0 || !strchr(" \t=", p[n]))
			continue;
		p += n + strspn(p + n, " \t=\"");
		free(found);
		found = mem_strndup(p, strcspn(p, " \t\"\r"));
	}
	return found;
}

static char *policy_of(const char *root)
{
	_cleanup_free_ char *path = mem_printf("%s/etc/selinux/config", root);
	_cleanup_buf_ struct buf text = { 0 };
	char *type = file_read(path, CONFIG_MAX, &text, NULL) < 0 ? NULL : setting(buf_str(&text), "SELINUXTYPE");

	if (type && *type && !strchr(type, '/') && type[0] != '.')
		return type;
	free(type);
	return mem_strdup("targeted");
}

static bool is_context(const char *s)
{
	int colons = 0;

	for (const char *p = s ? s : ""; *p; p++)
		colons += *p == ':';
	return colons >= 3;
}

enum selinux_state selinux_open(const char *root, struct selinux *ret)
{
	_cleanup_free_ char *on = mem_printf("%s/sys/fs/selinux/enforce", root), *policy = NULL, *path = NULL;
	_cleanup_(selinux_done) struct selinux s = { 0 };
	_cleanup_buf_ struct buf text = { 0 };

	if (!file_exists(on))
		return SELINUX_OFF;
	policy = policy_of(root);
	path = mem_printf("%s/etc/selinux/%s/contexts/lxc_contexts", root, policy);
	if (file_read(path, CONFIG_MAX, &text, NULL) < 0)
		return SELINUX_WITHOUT;
	s = (struct selinux){ setting(buf_str(&text), "process"), setting(buf_str(&text), "file") };
	if (!is_context(s.process) || !is_context(s.file))
		return SELINUX_WITHOUT;
	*ret = s;
	s = (struct selinux){ 0 };
	return SELINUX_ON;
}

bool selinux_enforcing(const char *root)
{
	_cleanup_free_ char *path = mem_printf("%s/sys/fs/selinux/enforce", root);
	_cleanup_buf_ struct buf text = { 0 };

	return file_read(path, 16, &text, NULL) >= 0 && *buf_str(&text) == '1';
}

void selinux_draw(char out[SELINUX_LEVEL])
{
	unsigned pair[2] = { 0, 0 }, low, high;

	do {
		if (getrandom(pair, sizeof pair, 0) != (ssize_t)sizeof pair)
			abort(); /* so few bytes cannot be interrupted, and early boot is long over */
	} while (pair[0] % CATEGORIES == pair[1] % CATEGORIES);
	low = pair[0] % CATEGORIES;
	high = pair[1] % CATEGORIES;
	(void)snprintf(out, SELINUX_LEVEL, "s0:c%u,c%u", low < high ? low : high, low < high ? high : low);
}

/* What the last option "@key:VALUE" says, or NULL. */
static const char *option(const struct strv *options, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = options->n; i-- > 0;)
		if (!strncmp(options->v[i], key, n) && options->v[i][n] == ':')
			return options->v[i] + n + 1;
	return NULL;
}

const char *selinux_level(const struct strv *options) { return option(options, "level"); }

/* @context with other parts where they are given. */
static char *replaced(const char *context, const char *user, const char *role, const char *type, const char *level)
{
	const char *given[] = { user, role, type };
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
		size_t n = strcspn(context, ":");

		if (given[i])
			buf_adds(&b, given[i]);
		else
			buf_add(&b, context, n);
		buf_addc(&b, ':');
		context += n + 1;
	}
	buf_adds(&b, level);
	return buf_take(&b);
}

void selinux_labels(const struct selinux *s, const struct strv *options, const char *level, struct selinux_labels *ret)
{
	const char *asked = selinux_level(options), *type = option(options, "filetype");

	*ret = (struct selinux_labels){ 0 };
	if (strv_has(options, "disable"))
		return;
	level = asked ? asked : level;
	ret->process = replaced(s->process, option(options, "user"), option(options, "role"), option(options, "type"), level);
	ret->mount = replaced(s->file, NULL, NULL, type, level);
	ret->shared = replaced(s->file, NULL, NULL, type, "s0");
}

/* The kernel judges what is written to it. */
int selinux_check(const char *root, const char *context, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/sys/fs/selinux/context", root);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	int r;

	if (fd < 0 || write(fd, context, strlen(context) + 1) >= 0)
		return 0; /* what cannot be asked is left to the engine */
	if (errno != EINVAL)
		return err_sys(err, errno, "SELinux label %s", context);
	r = err_set(err, ERR_INVALID, "SELinux label %s: the loaded policy does not know it", context);
	return err_hint(err, r, "seinfo -t lists the policy's types; --security-opt label=disable runs the job without labels");
}

char *selinux_mount_option(const char *label)
{
	return mem_printf("context=\"%s\"", label); /* quoted: a level has a comma, and so have lists of options */
}
