/* Names for jobs that were given none. */
#pragma once

/* "calm-anchor-3f2a": two words and four random digits. The caller frees. */
char *job_name_new(void);
/* A container id for job @name: its name and eight random digits, at most 76 characters. The caller frees. */
char *job_id_new(const char *name);
