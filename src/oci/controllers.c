#include "controllers.h"
#include "file.h"
#include "mem.h"
#include "strv.h"
#include <stdlib.h>
#include <string.h>

#define CGROUPS "/sys/fs/cgroup"
enum { LIST_MAX = 16384, LOOKS_MAX = 256 };

static bool there(const char *folder, const char *name)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", folder, name);

	return file_exists(path);
}

/* Is @word one of those in the file? */
static bool file_has_word(const char *folder, const char *name, const char *word)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", folder, name);
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_buf_ struct buf text = { 0 };

	if (file_read(path, LIST_MAX, &text, NULL) < 0)
		return false;
	strv_split(&words, buf_str(&text), " \n");
	return strv_has(&words, word);
}

bool controllers_v2(const char *root)
{
	_cleanup_free_ char *top = mem_printf("%s" CGROUPS, root);

	return there(top, "cgroup.controllers");
}

static char *hierarchy(const char *root, const char *controller)
{
	return controllers_v2(root) ? mem_printf("%s" CGROUPS, root) : mem_printf("%s" CGROUPS "/%s", root, controller);
}

bool controllers_have(const char *root, const char *controller)
{
	_cleanup_free_ char *top = hierarchy(root, controller);

	return controllers_v2(root) ? file_has_word(top, "cgroup.controllers", controller) : there(top, "cgroup.procs");
}

/* The line of /proc/cgroups. @ret: hierarchy (0: of no version 1), how many cgroups, is it on? */
static bool kernel_row(const char *root, const char *controller, long ret[3])
{
	_cleanup_free_ char *path = mem_printf("%s/proc/cgroups", root);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };
	const size_t n = strlen(controller);

	(void)file_read(path, LIST_MAX, &text, NULL);
	strv_split(&lines, buf_str(&text), "\n");
	for (size_t i = 0; i < lines.n; i++) {
		char *p = lines.v[i] + n;

		if (strncmp(lines.v[i], controller, n) != 0 || *p != '\t')
			continue;
		for (size_t k = 0; k < 3; k++)
			ret[k] = strtol(p, &p, 10);
		return true;
	}
	return false;
}

int controllers_need(const char *root, const char *controller, const char *option, struct err *err)
{
	long row[3] = { 0 };
	bool known;
	int r;

	if (controllers_have(root, controller))
		return 0;
	r = err_set(err, ERR_PRECONDITION, "%s: this host has no cgroup controller \"%s\"", option, controller);
	known = kernel_row(root, controller, row);
	if (known && !row[2])
		return err_hint(err, r, "it is switched off: add cgroup_enable=%s to the kernel's command line, and reboot",
				controller);
	if (!controllers_v2(root) && known)
		return err_hint(err, r, "mkdir -p " CGROUPS "/%s && mount -t cgroup -o %s cgroup " CGROUPS "/%s", controller,
				controller, controller);
	if (known && row[0])
		return err_hint(err, r, "a hierarchy of cgroup version 1 has it: unmount that one, or leave out %s", option);
	return err_hint(err, r, "its kernel is without it: leave out %s", option);
}

static bool one_there(const char *folder, const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (there(folder, names->v[i]))
			return true;
	return false;
}

/* A cgroup that has the controller; one that goes away meanwhile says nothing. */
static enum controllers_answer look_in(const char *folder, const char *controller, bool v2, const struct strv *names)
{
	if (v2 && !file_has_word(folder, "cgroup.controllers", controller))
		return CONTROLLERS_UNSEEN;
	if (one_there(folder, names))
		return CONTROLLERS_YES;
	return there(folder, "cgroup.procs") ? CONTROLLERS_NO : CONTROLLERS_UNSEEN;
}

enum controllers_answer controllers_file(const char *root, const char *controller, const char *files)
{
	_cleanup_free_ char *top = hierarchy(root, controller);
	const bool v2 = controllers_v2(root);
	_cleanup_(closedirp) DIR *d = opendir(top);
	enum controllers_answer answer = CONTROLLERS_UNSEEN;
	_cleanup_strv_ struct strv names = { 0 };
	int looks = LOOKS_MAX;

	strv_split(&names, files, " ");
	if (one_there(top, &names))
		return CONTROLLERS_YES;
	for (struct dirent *e; d && answer == CONTROLLERS_UNSEEN && looks-- > 0 && (e = readdir(d));) {
		_cleanup_free_ char *sub = mem_printf("%s/%s", top, e->d_name);

		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			answer = look_in(sub, controller, v2, &names);
	}
	return answer;
}
