#include "core-words.h"
#include "launch.h"
#include "mem.h"
#include "self.h"
#include <unistd.h>

char *core_absolute(char *path)
{
	_cleanup_free_ char *from = path, *here = *path == '/' ? NULL : getcwd(NULL, 0);

	return here ? mem_printf("%s/%s", here, from) : TAKE_PTR(from);
}

bool core_is_absolute(const struct core *c)
{
	const char *const paths[] = { c->address, c->conf.run_dir, c->conf.data_dir, c->conf.cni.conf_dir };

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (paths[i] && *paths[i] != '/')
			return false;
	return true;
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

int core_launch(const struct core *c, const char *name, const char *const *more, struct err *err)
{
	static const struct launch_fd none[] = { { -1, 0 }, { -1, 1 }, { -1, 2 } };
	_cleanup_free_ char *program = NULL;
	_cleanup_strv_ struct strv words = { 0 };
	struct launch how = { .fds = none, .n_fds = 3, .session = true, .close_from = 3, .dir = "/" };
	pid_t pid;
	int r = self_find(name, &program, err);

	if (r < 0)
		return r;
	core_words(c, program, &words);
	for (; *more; more++)
		strv_push(&words, *more);
	how.path = program;
	how.argv = words.v;
	r = launch(&how, &pid);
	if (r < 0)
		return err_sys(err, -r, "%s", program);
	reaper_adopt(c->reaper, pid);
	return 0;
}
