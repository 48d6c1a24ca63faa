/* A tar's files into a job's tree. The tree is hostile, may change meanwhile, and may have been made for this tar; the tar may be
 * hostile too: folders are found beneath the root each time, and what a name stands for is made anew, never written through. */
#pragma once
#include "ctx.h"
#include "err.h"
#include "idmap.h"

/* @file ("-": standard input) into folder @path as who has @rootfd as root folder knows it. Owners, modes, times are the tar's,
 * owners those inside @ids. Devices are left out. -ERR_INVALID: a name that climbs, or what is no tar; -ERR_PRECONDITION: file
 * and folder meet under one name. */
int extract_tar(const char *file, int rootfd, const char *path, const struct idmap *ids, const struct ctx *, struct err *err);
