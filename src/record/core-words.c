#include "core-words.h"
#include "mem.h"
#include <unistd.h>

char *core_absolute(char *path)
{
	_cleanup_free_ char *from = path, *here = *path == '/' ? NULL : getcwd(NULL, 0);

	return here ? mem_printf("%s/%s", here, from) : TAKE_PTR(from);
}

static void push_flag(struct strv *words, const char *flag, const char *value)
{
	if (!value)
		return;
	strv_push(words, flag);
	strv_push(words, value);
}

void core_words(const struct core *c, const char *program, struct strv *out)
{
	const struct core_conf *conf = &c->conf;
	_cleanup_free_ char *address = core_absolute(mem_strdup(c->address)), *run_dir = core_absolute(mem_strdup(conf->run_dir)),
			    *data_dir = core_absolute(mem_strdup(conf->data_dir));

	strv_push(out, program);
	push_flag(out, "--address", address);
	push_flag(out, "--namespace", conf->ns);
	push_flag(out, "--cni-path", conf->cni.path);
	push_flag(out, "--cni-conf-dir", conf->cni.conf_dir);
	push_flag(out, "--run-dir", run_dir);
	push_flag(out, "--data-dir", data_dir);
}
