/* Names for jobs that were given none. */
#pragma once
#include <stdbool.h>

/* "calm-anchor-3f2a": two words and four random digits. The caller frees. */
char *job_name_new(void);
/* A container id for job @name: its name and eight random digits, at most 76 characters. The caller frees. */
char *job_id_new(const char *name);
/* Does @id look like one of job_id_new()? Other clients of a namespace have ids of their own. */
bool job_id_is_ours(const char *id);
