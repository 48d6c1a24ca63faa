/* containerd's configuration: the file, what it imports, and what they say together. Source: containerd's own loader, 1.6 to 2.4:
 * files in the order of their imports, breadth first, each once; a later one's values hold. 1.x takes a plugin's section whole from
 * the last file that has one, 2.x merges sections. */
#pragma once
#include "json.h"
#include <sys/types.h>

#define CTRD_CONF "/etc/containerd/config.toml"

struct ctrd_conf_file {
	char *path;
	struct buf text;
	json *tree;
};
struct ctrd_conf {
	char *path; /* of the first file, which need not be there: then there are none */
	struct ctrd_conf_file *v;
	size_t n, cap;
};
void ctrd_conf_done(struct ctrd_conf *);

/* What the command line of containerd @pid says of its configuration; NULL: nothing, so that it has CTRD_CONF. The caller frees. */
char *ctrd_conf_named(pid_t pid);
/* -ERR_NOT_FOUND: a file that is imported by its name is not there. -ERR_INVALID names file and line. */
int ctrd_conf_load(const char *path, struct ctrd_conf *ret, struct err *err);
/* The form that it has: 1 where no file says one, as containerd takes it; 0 where there is no file. */
unsigned ctrd_conf_version(const struct ctrd_conf *);
/* The key of the CRI plugin that has the runtimes below "plugins", in that form. -ERR_UNIMPLEMENTED: davit knows forms 1 to 4. */
int ctrd_conf_cri(unsigned version, const char **ret, struct err *err);
/* The file whose word on the CRI plugin is the last, in 1.x and 2.x alike: it is to be written to. NULL: there is no file. */
const struct ctrd_conf_file *ctrd_conf_holder(const struct ctrd_conf *);
/* What switches the CRI plugin off: the word in disabled_plugins, and the file; NULL: nothing. Borrowed. */
const char *ctrd_conf_cri_off(const struct ctrd_conf *, const char **ret_file);
/* A string or a switch of the runtime @name of the CRI plugin, as the holder has it: "options.SystemdCgroup". NULL: none. */
json *ctrd_conf_of_runtime(const struct ctrd_conf *, const char *name, const char *key);
