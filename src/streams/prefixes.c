#include "prefixes.h"
#include "mem.h"
#include <string.h>

static const char *const colours_of[] = { "36", "33", "32", "35", "34", "96", "93", "92", "95", "94" };
enum { COLOURS = sizeof colours_of / sizeof *colours_of };

static int widest(const struct job *job)
{
	size_t most = 0;

	for (size_t i = 0; i < job->n_tasks; i++)
		most = strlen(job->tasks[i].name) > most ? strlen(job->tasks[i].name) : most;
	return (int)most;
}

void prefixes_make(const struct job *job, bool colours, struct prefixes *ret)
{
	const int width = widest(job);

	*ret = (struct prefixes){ mem_array(char *, job->n_tasks), job->n_tasks };
	for (size_t i = 0; i < job->n_tasks; i++)
		ret->v[i] = colours ? mem_printf("\033[%sm%-*s | \033[0m", colours_of[i % COLOURS], width, job->tasks[i].name)
				    : mem_printf("%-*s | ", width, job->tasks[i].name);
}

void prefixes_done(struct prefixes *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i]);
	free(p->v);
	*p = (struct prefixes){ 0 };
}
