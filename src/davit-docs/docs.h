/* What stands in docs/ and is said in tables of the program already. `make docs` writes it, a test compares. */
#pragma once
#include "buf.h"
#include "err.h"
#include <stdbool.h>

/* The rows of the table of Markdown called @name. False: there is none of that name. */
bool docs_jobs_table(const char *name, struct buf *out);   /* "job", "task", "mount" ...: the keys of a shape */
bool docs_docker_table(const char *name, struct buf *out); /* "commands", "flags that differ", "flags that are the same" */
bool docs_nomad_table(const char *name, struct buf *out);  /* "plugin options", "task options" of containerd-driver */
/* The job's JSON form as a JSON Schema. */
void docs_schema(struct buf *out);
