#include "test.h"
#include "test-folder.h"
#include "handler.h"
#include "mem.h"

static int handler_setup(void **state)
{
	*state = test_folder_new("handler", "bin");
	assert_int_equal(file_mkdirs(((struct test_folder *)*state)->path, 0755, NULL), 0);
	return 0;
}

static void put_below(const struct test_folder *f, const char *path, mode_t mode)
{
	_cleanup_free_ char *full = mem_printf("%s/%s", f->dir, path), *folder = mem_strdup(full);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
	assert_int_equal(file_write(full, "", 0, mode, NULL), 0);
}

/* Of the tables without their headers' beginnings, which other tests see. */
static void writes(const struct test_folder *f, const char *name, const struct handler_wish *w, const char *text,
		   const char *missing)
{
	const struct handler *h = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_free_ char *expected = NULL, *lack = NULL;
	const char *bin = strstr(text, "BIN");

	expected = bin ? mem_printf("%.*s%s%s", (int)(bin - text), text, f->path, bin + 3) : mem_strdup(text);
	assert_int_equal(handler_find(name, &h, NULL), 0);
	assert_int_equal(handler_tables(h, w, &out, &lack, NULL), 0);
	assert_string_equal(buf_str(&out), expected);
	assert_int_equal(!lack, !missing);
	if (lack)
		assert_string_equal(lack, missing);
}

#define V2 "plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes."
#define V3 "plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes."
#define KATA(name) \
	"[" V2 name "]\nruntime_type = \"io.containerd.kata.v2\"\nprivileged_without_host_devices = true\n" \
	"pod_annotations = [\"io.katacontainers.*\"]\ncontainer_annotations = [\"io.katacontainers.*\"]\n"

static void writes_each_runtime(void **state)
{
	const struct test_folder *f = *state;
	struct handler_wish w = { .version = 2, .folders = f->path, .root = f->dir };

	put_below(f, "bin/containerd-shim-runc-v2", 0755);
	writes(f, "runc", &w, "[" V2 "runc]\nruntime_type = \"io.containerd.runc.v2\"\n", NULL);
	writes(f, "crun", &w,
	       "[" V2 "crun]\nruntime_type = \"io.containerd.runc.v2\"\n[" V2 "crun.options]\nBinaryName = \"crun\"\n",
	       "its engine, crun");
	put_below(f, "bin/crun", 0755);
	w.systemd = true;
	writes(f, "crun", &w,
	       "[" V2 "crun]\nruntime_type = \"io.containerd.runc.v2\"\n[" V2
	       "crun.options]\nBinaryName = \"BIN/crun\"\nSystemdCgroup = true\n",
	       NULL);
	writes(f, "kata", &w, KATA("kata"), "its shim, containerd-shim-kata-v2");
	put_below(f, "bin/containerd-shim-kata-v2", 0755);
	put_below(f, "opt/kata/share/defaults/kata-containers/configuration.toml", 0644);
	w.as = "untrusted";
	writes(f, "kata", &w,
	       KATA("untrusted") "[" V2 "untrusted.options]\nConfigPath = "
				 "\"/opt/kata/share/defaults/kata-containers/configuration.toml\"\n",
	       NULL);
	w = (struct handler_wish){ .version = 3, .folders = f->path, .root = f->dir };
	put_below(f, "bin/containerd-shim-runsc-v1", 0755);
	put_below(f, "etc/containerd/runsc.toml", 0644);
	writes(f, "runsc", &w,
	       "[" V3 "runsc]\nruntime_type = \"io.containerd.runsc.v1\"\npod_annotations = [\"dev.gvisor.*\"]\n"
	       "container_annotations = [\"dev.gvisor.*\"]\n[" V3
	       "runsc.options]\nTypeUrl = \"io.containerd.runsc.v1.options\"\nConfigPath = \"/etc/containerd/runsc.toml\"\n",
	       NULL);
	w.version = 1;
	writes(f, "runc", &w, "[plugins.cri.containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n", NULL);
}

/* Where containerd does not find davit's shim by its type, it gets the path of the one beside davit. */
static void names_davit_s_shim_as_containerd_finds_it(void **state)
{
	const struct test_folder *f = *state;
	const struct handler_wish w = { .version = 2, .folders = f->path, .root = f->dir };
	const struct handler *h = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_free_ char *missing = NULL;

	assert_int_equal(handler_find("davit", &h, NULL), 0);
	assert_int_equal(handler_tables(h, &w, &out, &missing, NULL), 0);
	assert_true(strstr(buf_str(&out), "runtime_type = \"/") || missing);
	put_below(f, "bin/containerd-shim-davit-v2", 0755);
	writes(f, "davit", &w, "[" V2 "davit]\nruntime_type = \"io.containerd.davit.v2\"\n", NULL);
}

static void knows_where_the_tables_stand(void **state)
{
	struct handler_wish w = { .version = 3 };
	_cleanup_strv_ struct strv path = { 0 };
	_cleanup_free_ char *text = NULL;
	const struct handler *h = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(handler_find("none", &h, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "davit, runc, crun, runsc and kata"));
	for (size_t i = 0; handler_at(i); i++)
		assert_int_equal(handler_isolates(handler_at(i)), strstr("runsc kata", handler_name(handler_at(i))) != NULL);
	assert_int_equal(handler_find("kata", &h, NULL), 0);
	assert_int_equal(handler_path(h, &w, &path, NULL), 0);
	text = strv_join(&path, "|");
	assert_string_equal(text, "plugins|io.containerd.cri.v1.runtime|containerd|runtimes|kata");
	w.version = 9;
	assert_int_equal(handler_path(h, &w, &path, NULL), -ERR_UNIMPLEMENTED);
}

#define T(test) cmocka_unit_test_setup_teardown(test, handler_setup, test_folder_teardown)
RUN_TESTS("handler", T(writes_each_runtime), T(names_davit_s_shim_as_containerd_finds_it), T(knows_where_the_tables_stand))
