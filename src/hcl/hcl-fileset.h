/* The files that a pattern names, for fileset(). */
#pragma once
#include "hcl-function.h"
#include "strv.h"

/* Regular files below the folder @fd (O_PATH): their paths from there are appended. In @pattern `**` as a whole part is any number
 * of folders, none too; a part is as fnmatch(3) has it. Links are neither followed nor found. -code: the error is set. */
int hcl_fileset(struct hcl_args *, int fd, const char *pattern, struct strv *out);
