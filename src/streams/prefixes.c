#include "prefixes.h"
#include "mem.h"
#include <string.h>

static const char *const colours_of[] = { "36", "33", "32", "35", "34", "96", "93", "92", "95", "94" };
enum { COLOURS = sizeof colours_of / sizeof *colours_of };

void prefixes_of(const char *const *names, size_t n, bool colours, struct prefixes *ret)
{
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		most = strlen(names[i]) > most ? strlen(names[i]) : most;
	*ret = (struct prefixes){ mem_array(char *, n), n };
	for (size_t i = 0; i < n; i++)
		ret->v[i] = colours ? mem_printf("\033[%sm%-*s | \033[0m", colours_of[i % COLOURS], (int)most, names[i])
				    : mem_printf("%-*s | ", (int)most, names[i]);
}

void prefixes_make(const struct job *job, bool colours, struct prefixes *ret)
{
	_cleanup_free_ const char **names = mem_array(const char *, job->n_tasks);

	for (size_t i = 0; i < job->n_tasks; i++)
		names[i] = job->tasks[i].name;
	prefixes_of(names, job->n_tasks, colours, ret);
}

void prefixes_done(struct prefixes *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i]);
	free(p->v);
	*p = (struct prefixes){ 0 };
}
