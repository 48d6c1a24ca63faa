#include "timing.h"
#include "mem.h"

void timing_add(struct timing *t, const char *step, const char *whose, int64_t began, int64_t ended)
{
	if (!t)
		return;
	t->v = mem_grow(t->v, &t->cap, t->n + 1, sizeof *t->v);
	t->v[t->n++] = (struct timing_row){ mem_printf("%s%s%s", step, *whose ? " " : "", whose), began, ended };
}

void timing_done(struct timing *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].step);
	free(t->v);
	*t = (struct timing){ 0 };
}
