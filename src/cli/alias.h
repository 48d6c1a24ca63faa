/* Docker's other names of commands: "rmi", "container ls". They are not in the help; docs/from-docker.md lists them. */
#pragma once
#include "strv.h"

/* The words that stand for @first and the word behind it (NULL: none), or NULL where it is no other name. *ret_used of the two
 * are replaced. */
const char *alias_of(const char *first, const char *second, size_t *ret_used);
/* "container" alone: a group of Docker's that has no command of its own. */
bool alias_is_group(const char *word);
/* Every one, as "rmi=image rm"; "container NAME" is in it as "container NAME=NAME". */
void alias_list(struct strv *out);
