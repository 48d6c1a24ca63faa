/* Limits of huge pages: linux.resources.hugepageLimits. Sizes are written as the controller's files have them: 64KB, 2MB, 1GB. */
#include "limit.h"
#include "mem.h"
#include "spec-parts.h"
#include <stdio.h>
#include <string.h>

#define POOLS "/sys/kernel/mm/hugepages"

/* "hugepages-2048kB" is 2MB. */
static char *size_of_pool(const char *name)
{
	unsigned long long kib = 0;
	char unit[3] = "";

	if (sscanf(name, "hugepages-%12llu%2s", &kib, unit) != 2 || strcmp(unit, "kB") != 0)
		return NULL;
	return kib % (1 << 20) == 0   ? mem_printf("%lluGB", kib >> 20)
	       : kib % (1 << 10) == 0 ? mem_printf("%lluMB", kib >> 10)
				      : mem_printf("%lluKB", kib);
}

static void list_sizes(const struct spec_in *in, struct strv *out)
{
	_cleanup_free_ char *path = mem_printf("%s" POOLS, in->host_root ? in->host_root : "");
	_cleanup_(closedirp) DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));) {
		char *size = size_of_pool(e->d_name);

		if (size)
			strv_own(out, size);
	}
}

static int check_size(const struct spec_in *in, const char *size, struct err *err)
{
	_cleanup_strv_ struct strv sizes = { 0 };
	_cleanup_free_ char *list = NULL;
	int r;

	if (in->vm)
		return 0;
	list_sizes(in, &sizes);
	if (strv_has(&sizes, size))
		return 0;
	list = strv_join(&sizes, ", ");
	r = err_set(err, ERR_PRECONDITION, "hugepages %s: this host has no pages of that size", size);
	return sizes.n ? err_hint(err, r, "it has %s", list)
		       : err_hint(err, r, "its kernel has no huge pages: leave out hugepages");
}

int spec_hugepages(const struct spec_in *in, struct buf *out, struct err *err)
{
	const struct task *t = in->task;
	int r = t->n_hugepages ? limit_need(in, LIMIT_HUGEPAGES, err) : 0;

	if (r < 0 || !t->n_hugepages)
		return r;
	emit_open(out, "hugepageLimits", '[');
	for (size_t i = 0; i < t->n_hugepages && r >= 0; i++) {
		r = check_size(in, t->hugepages[i].size, err);
		emit_open(out, NULL, '{');
		emit_str(out, "pageSize", t->hugepages[i].size);
		emit_int(out, "limit", t->hugepages[i].limit);
		emit_close(out, '}');
	}
	emit_close(out, ']');
	return r;
}
