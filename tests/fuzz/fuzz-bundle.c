#include "bundle.h"
#include "file.h"
#include "mem.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/davit-fuzz-XXXXXX";

static void folder_remove(void) { (void)file_remove_tree(folder, NULL); }

static void folder_make(void)
{
	_cleanup_free_ char *root = NULL;

	assert(mkdtemp(folder));
	(void)atexit(folder_remove);
	root = mem_printf("%s/rootfs", folder);
	assert(mkdir(root, 0755) == 0);
}

static void spec_write(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *path = mem_printf("%s/config.json", folder);
	FILE *f = fopen(path, "we");

	assert(f && fwrite(data, 1, size, f) == size);
	assert(fclose(f) == 0);
}

/* A bundle that is taken becomes a spec in JSON; one that is not is named. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct strv args;
	static const struct bundle_in in = { .args = &args, .id = "j.t", .ns = "davit", .netns = "/run/netns/x", .tty = true };
	_cleanup_json_ json *spec = NULL, *made = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	struct err err = ERR_INIT;
	int r;

	if (!strcmp(folder + sizeof folder - 7, "XXXXXX"))
		folder_make();
	spec_write(data, size);
	r = bundle_read(folder, &spec, &err);
	if (r >= 0)
		r = bundle_check_network(spec, true, false, &err);
	if (r >= 0)
		r = bundle_spec(spec, &in, &out, &err);
	assert(r >= 0 || *err.msg);
	assert(r < 0 || json_parse(out.data, out.len, &made, NULL) >= 0);
	return 0;
}
