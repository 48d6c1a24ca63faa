/* What others say of a place that is ours, where people know it by another name. */
#pragma once
#include "err.h"

/* Message and remedy name @to where they name @from. Of none (no error, NULL) nothing. */
void err_rename(struct err *err, const char *from, const char *to);
