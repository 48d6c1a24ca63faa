/* The paths of davit cp, by docker cp's rules: which of two words is a job's, what a path's end says, and where a copy goes. */
#pragma once
#include "err.h"
#include <stdbool.h>

/* "JOB:PATH", or a path here: one that is absolute, begins with '.', or has no ':'. "-" is a stream. */
struct copy_word {
	char *job; /* NULL: here */
	char *path;
	bool stream;
};
void copy_word_done(struct copy_word *);
/* -ERR_INVALID: nothing stands before or behind the ':'. */
int copy_word_parse(const char *word, struct copy_word *ret, struct err *err);

/* What a path says of itself. */
struct copy_path {
	char *text;   /* a job's is absolute and clean; one here as it was given */
	char *base;   /* its last name; NULL: it ends in none ("/", ".", "..") */
	bool folder;  /* it ends in '/', "/." and the like: it must be a folder, and a link there is followed */
	bool content; /* it ends in "/." or has no last name: what is in the folder is meant, not the folder */
};
void copy_path_done(struct copy_path *);
void copy_path_read(const char *path, bool is_jobs, struct copy_path *ret);

/* The side of a path: beneath a job's root folder, or here. */
enum { COPY_HERE = -1 };
/* The source, O_PATH: a link itself, unless @follow or its path's end has it followed; *ret_folder: it is one. */
int copy_open_source(int root, const struct copy_path *, bool follow, bool *ret_folder, int *ret_fd, struct err *err);
/* Where it goes: the folder *ret_dir, under *ret_name (NULL: it is what is in the source that goes there).
 * @source: only base, content. -ERR_NOT_FOUND: the folder that it is to stand in, or that the path's end asks for;
 * -ERR_PRECONDITION: a folder over a file. */
int copy_open_target(int root, const struct copy_path *, const struct copy_path *source, bool source_is_folder, int *ret_dir,
		     char **ret_name, struct err *err);
