/* The fields of a job, once: their JSON keys, types, defaults, bounds, flags and words of documentation. Reading, writing,
 * range checks, defaults and the documentation are loops over these tables; a new option is a new line here. */
#pragma once
#include "job.h"
#include <stddef.h>

enum field_type {
	FIELD_STR,    /* char * */
	FIELD_STRV,   /* struct strv; @extra: the bool that tells an empty list from none */
	FIELD_DICT,   /* struct dict */
	FIELD_BOOL,   /* bool */
	FIELD_INT,    /* int64_t */
	FIELD_SIZE,   /* int64_t bytes; in JSON also text such as "64m" */
	FIELD_INT32,  /* int */
	FIELD_U16,    /* uint16_t */
	FIELD_LIMIT,  /* uint64_t; UINT64_MAX is -1 in JSON: unlimited */
	FIELD_NUMBER, /* double */
	FIELD_ENUM,   /* an enum; its words are in @words */
	FIELD_ARRAY,  /* a pointer to structs of shape @of; @extra: their number */
};

struct shape;

struct field {
	const char *key;
	enum field_type type;
	size_t offset, extra;
	int64_t otherwise;        /* the default of a number, a bool or an enum */
	const char *text;         /* the default of a string; NULL: none */
	int64_t min, max;         /* of a number that is not the default; both 0: not bounded */
	const char *const *words; /* ends with NULL */
	const struct shape *of;
	bool required;
	const char *flag; /* the command line's, NULL: none */
	const char *doc;
};

struct shape {
	const char *noun;
	size_t size;
	const struct field *fields;
	size_t n;
};

extern const struct shape job_shape, task_shape, port_shape, mount_shape; /* the others hang below them */

void shape_init(const struct shape *, void *obj); /* @obj is zeroed: sets the defaults */
void shape_done(const struct shape *, void *obj); /* frees what the fields own and zeroes */
json *shape_write(const struct shape *, const void *obj);
int shape_read(const struct shape *, json *, void *obj, struct err *err);
int shape_check(const struct shape *, const void *obj, struct err *err); /* required fields and ranges */
