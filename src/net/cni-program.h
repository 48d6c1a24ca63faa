/* Inside the layer: what a program of an op gets, and what it answers. */
#pragma once
#include "cni-op.h"

/* The plugin's own object with the list's name and version, the result so far, and what it is capable of (SPEC, "Deriving
 * execution configuration from plugin configuration"). */
void cni_program_input(const struct cni_op *, json *plugin, struct buf *out);
void cni_program_env(const struct cni_op *, struct strv *env);
/* An error object on standard output, else what it said on standard error (SPEC, "Error"). */
int cni_program_error(struct child *, int status, struct err *err);
