/* One CDI file. Internal to oci/cdi*.c, but for tests. */
#pragma once
#include "cdi.h"
#include "dict.h"
#include "job-table.h"

struct cdi_device {
	char *name;
	struct dict annotations;
	struct cdi_edits *edits;
};
struct cdi_spec {
	char *version, *kind;
	struct dict annotations;
	struct cdi_device *devices;
	size_t n_devices;
	struct cdi_edits *edits;
};
extern const struct shape cdi_edits_shape;
void cdi_spec_done(struct cdi_spec *);
/* YAML where @file ends in ".yaml", else JSON. Errors begin with FILE:LINE:COLUMN. What a later version than the file's own brought
 * is an error, as is an unknown key. */
int cdi_spec_read(const char *file, const char *data, size_t len, struct cdi_spec *ret, struct err *err);
/* Is it "vendor/class" of a kind, a device's name? */
bool cdi_kind_valid(const char *s, size_t n);
bool cdi_device_valid(const char *s);
