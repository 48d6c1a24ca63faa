/* What a job asks for and this davit only keeps: a run that asks for it says so, once. */
#pragma once
#include "core.h"
#include "job.h"

/* Restart policies of several tasks, waiting for health, recovery: one notice for all @n jobs; none where none asks.
 * @waits: a process of davit does, for the end of each. */
void unheeded_say(const struct core *, const struct job *jobs, size_t n, bool waits);
