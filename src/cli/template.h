/* Go's templates, as --format and -f of Docker's commands have them, in the subset that scripts use:
 *
 *   {{.Names}} {{.State.Status}} {{$x.Name}} {{(index .Mounts 0).Source}}   fields, of objects as deep as they go
 *   {{if}} {{else if}} {{else}} {{with}} {{range}} {{range $k, $v := .Labels}} {{break}} {{continue}} {{end}}
 *   {{$x := .Id}} {{$x = "y"}}                          variables
 *   {{.Names | lower | printf "%-20s"}}                 pipes: what stands before is the last argument
 *   and or not eq ne lt le gt ge len index slice print printf println json split join lower upper title pad truncate
 *   {{- .Id -}}                                         cut white space around; {{/ * comment * /}}
 *
 * An object is ranged over by its sorted keys. What a template may cost is bounded: its length, its depth, the steps it takes and
 * what it writes. Errors name the position and, for a field, those there are. */
#pragma once
#include "json.h"

struct template;

enum { TEMPLATE_MAX = 64 << 10, TEMPLATE_OUT_MAX = 16 << 20 };

/* -ERR_INVALID. "\t" and "\n" that a shell left as they are mean tab and newline. */
int template_parse(const char *text, struct template **ret, struct err *err);
void template_free(struct template *);
DEFINE_CLEANUP(struct template, template_free)
/* Are the fields that it asks of the object at its top among those of @fields? So a wrong one is told of an empty list, too. */
int template_check(const struct template *, json *fields, struct err *err);
/* Append what it makes of @data (borrowed). What was written before an error stays in @out. */
int template_run(const struct template *, json *data, struct buf *out, struct err *err);
