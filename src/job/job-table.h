/* The options of a job, once each: what the JSON form calls it, its type, words, default, range and check, the flag of the
 * command line with its text form, the names that other job files have for it, and its documentation. Reading, writing,
 * checking, flags, help, completion, manual page, JSON Schema and the tables of docs/ are loops over these tables; a new option
 * is a new row in job-table.c. */
#pragma once
#include "job.h"
#include "tree.h"
#include <stddef.h>

enum field_type {
	FIELD_STR,    /* char * */
	FIELD_STRV,   /* struct strv; @extra: the bool that tells an empty list from none */
	FIELD_DICT,   /* struct dict */
	FIELD_BOOL,   /* bool */
	FIELD_INT,    /* int64_t */
	FIELD_SIZE,   /* int64_t bytes; also text such as "64m" */
	FIELD_TIME,   /* int64_t seconds; also text such as "90s", "5m", "1h30m" */
	FIELD_INT32,  /* int */
	FIELD_U16,    /* uint16_t */
	FIELD_LIMIT,  /* uint64_t; UINT64_MAX is -1 in JSON: unlimited */
	FIELD_NUMBER, /* double */
	FIELD_ENUM,   /* an enum; its words are in @words */
	FIELD_ARRAY,  /* a pointer to structs of shape @of; @extra: their number */
	FIELD_OBJECT, /* a pointer to one struct of shape @of; NULL: absent, as one with nothing but defaults is */
};

/* Where help and manual have a flag. */
enum field_topic {
	TOPIC_NONE,
	TOPIC_JOB,
	TOPIC_PROCESS,
	TOPIC_NETWORK,
	TOPIC_FILES,
	TOPIC_LIMITS,
	TOPIC_SECURITY,
	TOPIC_LIFE,
	TOPIC_LOG,
	TOPICS
};
extern const char *const topic_names[TOPICS];

/* Of any list in a job, and of one of texts, such as the environment: bounds what a face can make us allocate and compare. */
enum { ARRAY_MAX = 4096, TEXTS_MAX = 65536 };

struct field;
struct shape;

/* What a text form may need to know of the one who writes it. */
struct text_in {
	const char *cwd;  /* for relative paths; NULL: there is none */
	char *const *env; /* for variables without a value */
};
/* A flag's value into the object. It need not check what shape_check() does, unless the error is better with the text at hand. */
typedef int field_text_fn(const struct field *, const char *text, void *obj, const struct text_in *, struct err *err);
/* One text of a field: of a dictionary the key with its @value, else @value is NULL. */
typedef int field_check_fn(const char *text, const char *value, struct err *err);

struct field {
	const char *key; /* of the JSON form; NULL: the row is only a flag, which fills the field at the same offset */
	enum field_type type : 8;
	enum field_topic topic : 8; /* TOPIC_NONE: the flag is not one of a job's (--snapshotter), or there is none */
	bool required;
	bool live;   /* `davit update` changes it, of a task that runs, too */
	char letter; /* of the flag; 0: none */
	uint16_t offset, extra;
	int64_t otherwise;        /* the default of a number, a bool or an enum */
	int64_t min, max;         /* of a number that is not the default; both 0: not bounded. @max of a list of texts: how many */
	const char *text;         /* the default of a string; NULL: none */
	const char *const *words; /* ends with NULL */
	const struct shape *of;
	field_check_fn *check;

	const char *flag;     /* of the command line, where Docker has the option Docker's name; NULL: none */
	const char *also;     /* a second name of the flag */
	const char *part;     /* the flag takes PART=VALUE, and this row is PART */
	const char *arg;      /* what help calls the flag's value; NULL: as its type says */
	const char *offer;    /* what completion offers, where it is not @words (opt.h) */
	const char *meant;    /* words that people try in the flag's place */
	field_text_fn *parse; /* NULL: as the type says */

	const char *docker;   /* the key of HostConfig in what Docker's inspect prints */
	const char *nomad;    /* the key of a Nomad task's config, or with a dot one of the task's own blocks */
	const char *ensemble; /* the key of an ensemble's allocation */
	const char *doc;      /* one sentence without a full stop, for help, manual and tables */
};

struct shape {
	const char *noun;
	size_t size;
	const struct field *fields;
	size_t n;
	int (*check)(const void *obj, struct err *err); /* what is between the fields; NULL: nothing */
	bool named;                                     /* the first field is its name, by which errors call it */
};

extern const struct shape jobset_shape, job_shape, task_shape, port_shape, mount_shape, ulimit_shape, device_shape;
extern const struct shape attachment_shape, auth_shape, restart_shape, healthcheck_shape, depend_shape, job_file_shape, rate_shape,
	weight_shape, hugepages_shape;
/* All of them, for documentation; ends with NULL. */
extern const struct shape *const shapes_all[];
extern const char *const mount_kind_words[]; /* by enum mount_kind, ends with NULL */

void shape_init(const struct shape *, void *obj); /* @obj is zeroed: sets the defaults */
void shape_done(const struct shape *, void *obj); /* frees what the fields own and zeroes */
void shape_copy(const struct shape *, const void *from, void *to);
/* One more element of a FIELD_ARRAY, with its defaults; borrowed until the next. */
void *shape_add(const struct field *, void *obj);
/* The struct of a FIELD_OBJECT, made when there is none; borrowed. */
void *shape_make(const struct field *, void *obj);
json *shape_write(const struct shape *, const void *obj); /* defaults are left out */
/* Reads @from into @obj, initialised, and checks it: no error is left for shape_check(). *@ret_bad: the node that an error is
 * about, else untouched. Unknown keys are errors that name the nearest known one. */
int shape_read(const struct shape *, const struct node *from, void *obj, const struct node **ret_bad, struct err *err);
/* One field alone, and its check; a null is as though it were absent. */
int shape_read_field(const struct field *, const struct node *from, void *obj, const struct node **ret_bad, struct err *err);
/* The gate that every face's job goes through: required fields, ranges, texts, and what is between the fields. */
int shape_check(const struct shape *, const void *obj, struct err *err);

/* A flag's value, as people write it, into @obj. Errors name the flag. */
int field_text(const struct shape *, const struct field *, const char *text, void *obj, const struct text_in *, struct err *err);
/* Whose row @f is in @s, also one of the shape of an object that @s has: that object, made when there is none, and its shape.
 * NULL: it is no row of @s. */
void *shape_owner(const struct shape *s, void *obj, const struct field *f, const struct shape **ret_shape);
/* A size as text, in a flag or in the JSON form. */
int field_size(const struct field *, const char *what, const char *text, int64_t *ret, struct err *err);
/* Is @n the default or in the range of the row? */
bool field_holds(const struct field *, int64_t n);
/* field_text() for an enum alone. */
int text_enum(const struct field *, const char *text, void *obj, struct err *err);
