/* A configuration file of somebody else's, changed as an administrator would. */
#pragma once
#include "err.h"

/* @path, which had @old (NULL: it was not there), has @text: in one step, with the owner and the mode that it had. What it was is
 * kept beside it under a name of its own, which the caller frees (NULL: nothing was there). A link is followed where nobody else
 * can change where it leads. -ERR_ABORTED: it is not @old any more. -ERR_PRECONDITION: it is no plain file, has other names, or a
 * link that is not to be trusted. */
int conf_write(const char *path, const char *old, const char *text, char **ret_backup, struct err *err);
