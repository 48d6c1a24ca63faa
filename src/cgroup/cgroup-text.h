/* What the kernel writes of cgroups: lines of words and numbers. */
#pragma once
#include "buf.h"
#include <stdbool.h>
#include <stdint.h>

/* A line, cut into its words, which end at blanks, ':' and '='. What is behind the last that is counted is not looked at. */
enum { CGROUP_WORDS = 32 };
struct cgroup_line {
	char *word[CGROUP_WORDS];
	size_t n;
};
/* The file @name of the folder @path into @text, in place of what was there: false when it has none. */
bool cgroup_text(const char *path, const char *name, struct buf *text);
/* The next line with a word in it, cut up where it is; *@at begins at the text's first byte. False: there is none. */
bool cgroup_line(char **at, struct cgroup_line *ret);
/* "max", as well as what 64 bits do not hold, is UINT64_MAX; what is below zero is 0. False: no number. */
bool cgroup_number(const char *word, uint64_t *ret);
/* What the file @name holds alone. */
bool cgroup_get(const char *path, const char *name, uint64_t *ret);
