#include "mount-option.h"
#include "check.h"
#include "name.h"
#include <string.h>

enum { BIND = 1 << MOUNT_BIND | 1 << MOUNT_VOLUME | 1 << MOUNT_JOB, TMPFS = 1 << MOUNT_TMPFS };

/* A name that ends with "=" takes a value. The first of a kind are what an error names. */
static const struct {
	const char *name;
	unsigned kinds;
	enum mount_option_use use;
} options[] = {
	{ "ro", BIND | TMPFS, MOUNT_OPTION_RO },
	{ "rw", BIND | TMPFS, MOUNT_OPTION_RW },
	{ "z", BIND, MOUNT_OPTION_KEEP },
	{ "Z", BIND, MOUNT_OPTION_KEEP },
	{ "cached", BIND, MOUNT_OPTION_IGNORE },
	{ "delegated", BIND, MOUNT_OPTION_IGNORE },
	{ "consistent", BIND, MOUNT_OPTION_IGNORE },
	{ "private", BIND, MOUNT_OPTION_KEEP },
	{ "rprivate", BIND, MOUNT_OPTION_KEEP },
	{ "shared", BIND, MOUNT_OPTION_KEEP },
	{ "rshared", BIND, MOUNT_OPTION_KEEP },
	{ "slave", BIND, MOUNT_OPTION_KEEP },
	{ "rslave", BIND, MOUNT_OPTION_KEEP },
	{ "bind", BIND, MOUNT_OPTION_KEEP },
	{ "rbind", BIND, MOUNT_OPTION_KEEP },
	{ MOUNT_RRO, BIND, MOUNT_OPTION_KEEP },
	{ MOUNT_RO_OUTER, BIND, MOUNT_OPTION_KEEP },
	{ MOUNT_CREATE, 1 << MOUNT_BIND, MOUNT_OPTION_KEEP },
	{ MOUNT_NO_LINKS, 1 << MOUNT_BIND, MOUNT_OPTION_KEEP },
	{ "exec", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "noexec", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "suid", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "nosuid", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "dev", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "nodev", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "atime", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "noatime", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "diratime", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "nodiratime", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "relatime", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "norelatime", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "strictatime", BIND | TMPFS, MOUNT_OPTION_KEEP },
	{ "nocopy", BIND, MOUNT_OPTION_KEEP },
	{ "sync", TMPFS, MOUNT_OPTION_KEEP },
	{ MOUNT_COPY_UP, TMPFS, MOUNT_OPTION_KEEP },
	{ "size=", TMPFS, MOUNT_OPTION_KEEP },
	{ "mode=", TMPFS, MOUNT_OPTION_KEEP },
	{ "uid=", TMPFS, MOUNT_OPTION_KEEP },
	{ "gid=", TMPFS, MOUNT_OPTION_KEEP },
	{ "nr_inodes=", TMPFS, MOUNT_OPTION_KEEP },
	{ "nr_blocks=", TMPFS, MOUNT_OPTION_KEEP },
	{ "mpol=", TMPFS, MOUNT_OPTION_KEEP },
	{ "huge=", TMPFS, MOUNT_OPTION_KEEP },
};
enum { N_OPTIONS = sizeof options / sizeof *options };

enum mount_option_use mount_option(enum mount_kind kind, const char *s)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const char *name = options[i].name;
		size_t n = strlen(name);

		if (options[i].kinds & 1U << kind && (name[n - 1] == '=' ? !strncmp(s, name, n) && s[n] : !strcmp(s, name)))
			return options[i].use;
	}
	return MOUNT_OPTION_UNKNOWN;
}

int mount_option_unknown(const char *noun, enum mount_kind kind, const char *s, struct err *err)
{
	const char *names[N_OPTIONS], *near;
	size_t n = 0;
	int r = check_fail(noun, s, "there is no such option", err);

	for (size_t i = 0; i < N_OPTIONS; i++)
		if (options[i].kinds & 1U << kind)
			names[n++] = options[i].name;
	near = name_nearest(s, names, n);
	return near ? err_hint(err, r, "did you mean \"%s\"?", near) : err_hint(err, r, "such as ro, rw, %s", names[n - 1]);
}

bool mount_is_propagation(const char *s)
{
	static const char *const kinds[] = { "private", "rprivate", "shared", "rshared", "slave", "rslave" };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(s, kinds[i]))
			return true;
	return false;
}
