#include "runtime-shim.h"
#include <string.h>

/* "-x v", "--x v", "-x=v". */
static const char *shim_value_of(char **argv, int *i, const char *name)
{
	const char *word = argv[*i];
	const size_t n = strlen(name);

	word += *word == '-';
	word += *word == '-';
	if (strncmp(word, name, n) != 0)
		return NULL;
	if (word[n] == '=')
		return word + n + 1;
	return word[n] || !argv[*i + 1] ? NULL : argv[++*i];
}

static bool is_shim_switch(const char *word, const char *name)
{
	word += *word == '-';
	word += *word == '-';
	return !strcmp(word, name);
}

static bool take_value(char **argv, int *i, struct shim_args *a)
{
	const struct {
		const char *name, **to;
	} rows[] = { { "namespace", &a->ns },
		     { "id", &a->id },
		     { "address", &a->address },
		     { "bundle", &a->bundle },
		     { "publish-binary", &a->publish } };

	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		const char *v = shim_value_of(argv, i, rows[k].name);

		if (v) {
			*rows[k].to = v;
			return true;
		}
	}
	return false;
}

int shim_args_parse(int argc, char **argv, struct shim_args *ret, struct err *err)
{
	struct shim_args a = { 0 };

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-')
			a.action = a.action ? a.action : argv[i];
		else if (is_shim_switch(argv[i], "debug"))
			a.debug = true;
		else if (is_shim_switch(argv[i], "info"))
			a.info = true;
		else if (is_shim_switch(argv[i], "v") || is_shim_switch(argv[i], "version"))
			a.version = true;
		else if (!take_value(argv, &i, &a))
			return err_set(err, ERR_INVALID, "unknown flag %s", argv[i]);
	}
	if (!a.info && !a.version && (!a.ns || !a.id || !*a.ns || !*a.id || strchr(a.ns, '/') || strchr(a.id, '/')))
		return err_set(err, ERR_INVALID, "-namespace and -id are needed: containerd starts this program");
	*ret = a;
	return 0;
}
