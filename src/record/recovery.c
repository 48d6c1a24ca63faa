#include "recovery.h"
#include "mem.h"
#include <string.h>

static bool waits_for_unlisted(const struct recovery_member *v, size_t n, const bool *listed, size_t i)
{
	for (size_t k = 0; k < v[i].job->n_depends_on; k++)
		for (size_t o = 0; o < n; o++)
			if (!listed[o] && o != i && v[o].job->name && !strcmp(v[o].job->name, v[i].job->depends_on[k].name))
				return true;
	return false;
}

/* @n: there is none. In a circle, which only a stranger's records could have, any. */
static size_t next_in_order(const struct recovery_member *v, size_t n, const bool *listed, bool any)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++)
		if (!listed[i] && (best == n || v[i].place < v[best].place) && (any || !waits_for_unlisted(v, n, listed, i)))
			best = i;
	return best;
}

void recovery_order(const struct recovery_member *v, size_t n, size_t *ret)
{
	_cleanup_free_ bool *listed = mem_array(bool, n);

	for (size_t done = 0; done < n; done++) {
		size_t i = next_in_order(v, n, listed, false);

		if (i == n)
			i = next_in_order(v, n, listed, true);
		listed[i] = true;
		ret[done] = i;
	}
}

bool recovery_is_of_several(const struct job *j)
{
	return j->failure_recovery == FAILURE_ONE_FOR_ALL || j->failure_recovery == FAILURE_REST_FOR_ONE;
}

bool recovery_takes(const struct recovery_member *v, size_t n, size_t failed, size_t other)
{
	_cleanup_free_ size_t *order = mem_array(size_t, n);
	size_t i = 0;

	if (failed == other || !recovery_is_of_several(v[failed].job))
		return failed == other && v[failed].job->failure_recovery != FAILURE_STAY_DOWN;
	if (v[failed].job->failure_recovery == FAILURE_ONE_FOR_ALL)
		return true;
	recovery_order(v, n, order);
	while (order[i] != failed && order[i] != other)
		i++;
	return order[i] == failed;
}
