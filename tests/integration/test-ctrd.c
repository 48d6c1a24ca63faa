/* Every function of ctrd against a containerd, or against the fake one, which must not differ.
 * Usage: test-ctrd ADDRESS [SNAPSHOTTER], or test-ctrd --fake. Exits 77 where it cannot run. */
#include "test.h"
#include "clock.h"
#include "containers.h"
#include "content.h"
#include "diff.h"
#include "events.h"
#include "fake.h"
#include "file.h"
#include "images.h"
#include "introspection.h"
#include "leases.h"
#include "mem.h"
#include "name.h"
#include "namespaces.h"
#include "snapshots.h"
#include "tasks.h"
#include "version.h"
#include <signal.h>
#include <stdlib.h>

static const char *address, *snapshotter = "overlayfs";
static char ns[32];
static struct fake *fake; /* NULL: a real one */
static struct loop *loop;
static struct ctrd *c;
static struct ctx soon; /* the test's own limit */
static struct err err;
static char *layer_digest; /* the layer that holds busybox, once it is uploaded */

static void expect_(int r, int want, const char *what, int line)
{
	if (r != want)
		fail_msg("line %d: %s: %d, expected %d: %s", line, what, r, want, err.msg);
	err = (struct err)ERR_INIT;
}
#define EXPECT(want, call) expect_((call), (want), #call, __LINE__)
#define OK(call) EXPECT(0, call)

static void dict_of(struct dict *d, const char *key, const char *value) { dict_set(d, key, value); }

static int begin(void **state)
{
	(void)state;
	err = (struct err)ERR_INIT;
	soon = ctx_within(NULL, 60000);
	loop = loop_new();
	return ctrd_open(loop, address, ns, &c, &err);
}

static int end(void **state)
{
	(void)state;
	ctrd_free(TAKE_PTR(c));
	loop_free(TAKE_PTR(loop));
	return 0;
}

static void tells_what_it_is(void **state)
{
	_cleanup_(ctrd_version_done) struct ctrd_version version = { 0 };
	_cleanup_(ctrd_plugins_done) struct ctrd_plugins plugins = { 0 };
	_cleanup_free_ char *uuid = NULL, *filter = mem_printf("type==io.containerd.snapshotter.v1,id==%s", snapshotter);

	(void)state;
	OK(version_get(c, &soon, &version, &err));
	assert_true(strlen(version.version) > 2);
	OK(introspection_server(c, &soon, &uuid, &err));
	assert_int_equal(strlen(uuid), 36);
	OK(introspection_plugins(c, filter, &soon, &plugins, &err));
	assert_int_equal(plugins.n, 1);
	assert_string_equal(plugins.v[0].id, snapshotter);
	assert_null(plugins.v[0].init_err);
	ctrd_plugins_done(&plugins);
	OK(introspection_plugins(c, NULL, &soon, &plugins, &err));
	assert_true(plugins.n > 3);
}

static void keeps_namespaces(void **state)
{
	_cleanup_dict_ struct dict labels = { 0 }, got = { 0 };
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces all = { 0 };
	bool found = false;

	(void)state;
	dict_of(&labels, "containerd.io/defaults/snapshotter", snapshotter);
	OK(namespaces_create(c, ns, &labels, &soon, &err));
	EXPECT(-ERR_EXISTS, namespaces_create(c, ns, &labels, &soon, &err));
	OK(namespaces_get(c, ns, &soon, &got, &err));
	assert_string_equal(dict_get(&got, "containerd.io/defaults/snapshotter"), snapshotter);
	dict_done(&got);
	OK(namespaces_list(c, &soon, &all, &err));
	for (size_t i = 0; i < all.n; i++)
		found = found || !strcmp(all.v[i].name, ns);
	assert_true(found);
	OK(namespaces_get(c, "there-is-none", &soon, &got, &err)); /* one comes into being when it is first written to */
	assert_int_equal(got.n, 0);
	OK(namespaces_create(c, "davit-test-other", NULL, &soon, &err));
	OK(namespaces_delete(c, "davit-test-other", &soon, &err));
	OK(namespaces_delete(c, "davit-test-other", &soon, &err));
}

static void keeps_leases(void **state)
{
	_cleanup_dict_ struct dict labels = { 0 };
	_cleanup_(ctrd_leases_done) struct ctrd_leases all = { 0 };

	(void)state;
	dict_of(&labels, "davit.job", "web");
	OK(leases_create(c, "job-web", &labels, &soon, &err));
	EXPECT(-ERR_EXISTS, leases_create(c, "job-web", &labels, &soon, &err));
	OK(leases_create(c, "job-db", NULL, &soon, &err));
	OK(leases_list(c, "labels.\"davit.job\"==web", &soon, &all, &err));
	assert_int_equal(all.n, 1);
	assert_string_equal(all.v[0].id, "job-web");
	assert_string_equal(dict_get(&all.v[0].labels, "davit.job"), "web");
	assert_true(all.v[0].created_at > INT64_C(1500000000) * NSEC_PER_SEC);
	ctrd_leases_done(&all);
	OK(leases_list(c, NULL, &soon, &all, &err));
	assert_int_equal(all.n, 2);
	OK(leases_add_resource(c, "job-web", "sha256:0000000000000000000000000000000000000000000000000000000000000000", "content",
			       &soon, &err));
	EXPECT(-ERR_NOT_FOUND, leases_add_resource(c, "no-lease", "x", "content", &soon, &err));
	OK(leases_delete(c, "job-web", true, &soon, &err));
	OK(leases_delete(c, "job-web", false, &soon, &err));
	OK(leases_delete(c, "job-db", false, &soon, &err));
}

static void go_to(struct ctrd *scope)
{
	ctrd_free(c);
	c = scope;
}

/* The lease under which the tests keep what nothing refers to yet. */
static void hold(void)
{
	int r = leases_create(c, "hold", NULL, &soon, &err);

	assert_true(r == 0 || r == -ERR_EXISTS);
	err = (struct err)ERR_INIT;
	go_to(ctrd_under(c, "hold"));
}

static void upload(const char *ref, const void *p, size_t n, char **ret_digest)
{
	struct content_writer *w;
	int64_t offset;

	OK(content_writer_open(c, ref, (int64_t)n, NULL, &soon, &w, &offset, &err));
	assert_int_equal(offset, 0);
	OK(content_writer_write(w, p, n, &soon, &err));
	OK(content_writer_commit(w, (int64_t)n, NULL, NULL, &soon, ret_digest, &err));
	content_writer_free(w);
}

static void keeps_content(void **state)
{
	static const char sha_abc[] = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	static const char none[] = "sha256:0000000000000000000000000000000000000000000000000000000000000001";
	_cleanup_(ctrd_content_done) struct ctrd_content info = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	_cleanup_buf_ struct buf got = { 0 };
	struct content_writer *w;
	char *digest = NULL;
	int64_t offset;

	(void)state;
	hold();
	dict_of(&labels, "a", "1");
	dict_of(&labels, "b", "2");
	OK(content_writer_open(c, "abc", 3, sha_abc, &soon, &w, &offset, &err));
	OK(content_writer_write(w, "abc", 3, &soon, &err));
	OK(content_writer_commit(w, 3, sha_abc, &labels, &soon, &digest, &err));
	content_writer_free(w);
	assert_string_equal(digest, sha_abc);
	free(digest);
	EXPECT(1, content_writer_open(c, "abc", 3, sha_abc, &soon, &w, &offset, &err));
	upload("abc-again", "abc", 3, &digest); /* exists by the time it is committed: success */
	assert_string_equal(digest, sha_abc);
	free(digest);

	buf_adds(&got, "<");
	OK(content_read(c, sha_abc, 3, &soon, &got, &err));
	assert_string_equal(got.data, "<abc");
	EXPECT(-ERR_EXHAUSTED, content_read(c, sha_abc, 2, &soon, &got, &err));
	assert_int_equal(got.len, 4);
	EXPECT(-ERR_NOT_FOUND, content_read(c, none, 3, &soon, &got, &err));
	EXPECT(-ERR_NOT_FOUND, content_info(c, none, &soon, &info, &err));

	dict_of(&labels, "a", "");
	dict_of(&labels, "b", "3");
	OK(content_set_labels(c, sha_abc, &labels, &soon, &err));
	dict_done(&labels);
	OK(content_set_labels(c, sha_abc, &labels, &soon, &err)); /* touches nothing */
	OK(content_info(c, sha_abc, &soon, &info, &err));
	assert_int_equal(info.size, 3);
	assert_null(dict_get(&info.labels, "a"));
	assert_string_equal(dict_get(&info.labels, "b"), "3");
	OK(content_delete(c, sha_abc, &soon, &err));
	EXPECT(-ERR_NOT_FOUND, content_delete(c, sha_abc, &soon, &err));
}

static void resumes_an_ingest(void **state)
{
	struct content_writer *w, *second;
	struct ctx brief = ctx_within(NULL, 200);
	char *digest;
	int64_t offset;

	(void)state;
	hold();
	OK(content_writer_open(c, "part", 10, NULL, &soon, &w, &offset, &err));
	OK(content_writer_write(w, "hello", 5, &soon, &err));
	assert_int_equal(content_writer_open(c, "part", 10, NULL, &brief, &second, &offset, &err), -ERR_DEADLINE); /* locked */
	err = (struct err)ERR_INIT;
	content_writer_free(w);
	OK(content_writer_open(c, "part", 10, NULL, &soon, &w, &offset, &err)); /* once containerd has seen the first go */
	assert_int_equal(offset, 5);
	OK(content_writer_truncate(w, &soon, &err));
	OK(content_writer_write(w, "HELLO", 5, &soon, &err));
	OK(content_writer_write(w, "world", 5, &soon, &err));
	OK(content_writer_commit(w, 10, NULL, NULL, &soon, &digest, &err));
	content_writer_free(w);
	assert_string_equal(digest, "sha256:c67feab77d8dbd3fc937db0cc36499cffd56a7095d643c7e7599b03c92b6a66d");
	free(digest);

	OK(content_writer_open(c, "wrong", 3, NULL, &soon, &w, &offset, &err));
	OK(content_writer_write(w, "abc", 3, &soon, &err));
	EXPECT(-ERR_PRECONDITION, content_writer_commit(w, 4, NULL, NULL, &soon, NULL, &err));
	content_writer_free(w);
	OK(content_abort(c, "wrong", &soon, &err));
	OK(content_abort(c, "wrong", &soon, &err));
}

static int count(void *arg, const void *p, size_t n, struct err *e)
{
	(void)p;
	(void)e;
	*(size_t *)arg += n;
	return 0;
}

static int refuse(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)p;
	(void)n;
	return err_set(e, ERR_ABORTED, "enough");
}

static void moves_large_blobs(void **state)
{
	enum { SIZE = 40 << 20 };
	_cleanup_free_ char *data = mem_zalloc(SIZE), *digest = NULL;
	size_t got = 0;

	(void)state;
	hold();
	for (size_t i = 0; i < SIZE; i += 4096)
		memcpy(data + i, &i, sizeof i);
	upload("large", data, SIZE, &digest);
	OK(content_stream(c, digest, &soon, count, &got, &err));
	assert_int_equal(got, SIZE);
	EXPECT(-ERR_ABORTED, content_stream(c, digest, &soon, refuse, NULL, &err));
	OK(content_delete(c, digest, &soon, &err));
}

/* A tar of one file, bin/busybox. */
static void busybox_tar(struct buf *out)
{
	_cleanup_buf_ struct buf program = { 0 };
	char head[512] = "bin/busybox";
	unsigned sum = 0;

	OK(file_read("/bin/busybox", 8 << 20, &program, &err));
	(void)snprintf(head + 100, 8, "%07o", 0755u);
	(void)snprintf(head + 108, 8, "%07o", 0u);
	(void)snprintf(head + 116, 8, "%07o", 0u);
	(void)snprintf(head + 124, 12, "%011zo", program.len);
	(void)snprintf(head + 136, 12, "%011o", 0u);
	memcpy(head + 148, "        ", 8);
	head[156] = '0';
	memcpy(head + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof head; i++)
		sum += (unsigned char)head[i];
	(void)snprintf(head + 148, 8, "%06o", sum);
	buf_add(out, head, sizeof head);
	buf_add(out, program.data, program.len);
	memset(buf_room(out, 1536 - program.len % 512), 0, 1536 - program.len % 512);
	buf_grew(out, 1536 - program.len % 512);
}

static void see_snapshot(void *arg, const char *key, const char *parent, bool committed)
{
	unsigned *seen = arg;

	if (!strcmp(key, layer_digest) && committed && !*parent)
		*seen |= 1;
	if (!strcmp(key, "rw") && !committed && !strcmp(parent, layer_digest))
		*seen |= 2;
}

static void unpacks_a_layer(void **state)
{
	_cleanup_buf_ struct buf tar = { 0 };
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor layer = { 0 }, applied = { 0 };
	unsigned seen = 0;
	int64_t bytes;

	(void)state;
	hold();
	busybox_tar(&tar);
	upload("layer", tar.data, tar.len, &layer_digest);
	layer = (struct ctrd_descriptor){
		mem_strdup("application/vnd.oci.image.layer.v1.tar"), mem_strdup(layer_digest), (int64_t)tar.len, { 0 }
	};
	OK(snapshots_prepare(c, snapshotter, "extract", NULL, NULL, &soon, &mounts, &err));
	assert_true(mounts.n > 0);
	OK(diff_apply(c, &layer, &mounts, &soon, &applied, &err));
	assert_string_equal(applied.digest, layer_digest);
	EXPECT(-ERR_NOT_FOUND, snapshots_stat(c, snapshotter, layer_digest, &soon, &err));
	OK(snapshots_commit(c, snapshotter, layer_digest, "extract", NULL, &soon, &err));
	OK(snapshots_stat(c, snapshotter, layer_digest, &soon, &err));
	OK(snapshots_usage(c, snapshotter, layer_digest, &soon, &bytes, &err));
	assert_true(fake || bytes > 500000);

	ctrd_mounts_done(&mounts);
	OK(snapshots_prepare(c, snapshotter, "rw", layer_digest, NULL, &soon, &mounts, &err));
	EXPECT(-ERR_EXISTS, snapshots_prepare(c, snapshotter, "rw", layer_digest, NULL, &soon, &mounts, &err));
	OK(snapshots_list(c, snapshotter, NULL, &soon, see_snapshot, &seen, &err));
	assert_int_equal(seen, 3);
	ctrd_mounts_done(&mounts);
	OK(snapshots_mounts(c, snapshotter, "rw", &soon, &mounts, &err));
	assert_true(mounts.n > 0 && mounts.v[0].source);
	ctrd_mounts_done(&mounts);
	OK(snapshots_view(c, snapshotter, "ro", layer_digest, NULL, &soon, &mounts, &err));
	OK(snapshots_remove(c, snapshotter, "ro", &soon, &err));
	OK(snapshots_remove(c, snapshotter, "ro", &soon, &err));
	OK(snapshots_remove(c, snapshotter, "rw", &soon, &err));
}

static void keeps_images(void **state)
{
	_cleanup_(ctrd_image_done) struct ctrd_image image = { 0 }, got = { 0 };
	_cleanup_(ctrd_images_done) struct ctrd_images all = { 0 };

	(void)state;
	image.name = mem_strdup("docker.io/library/x:latest");
	image.target = (struct ctrd_descriptor){
		mem_strdup("application/vnd.oci.image.manifest.v1+json"), mem_strdup(layer_digest), 7, { 0 }
	};
	dict_of(&image.labels, "one", "1");
	EXPECT(-ERR_NOT_FOUND, images_get(c, image.name, &soon, &got, &err));
	EXPECT(-ERR_NOT_FOUND, images_update(c, &image, &soon, &err));
	OK(images_create(c, &image, &soon, &err));
	EXPECT(-ERR_EXISTS, images_create(c, &image, &soon, &err));
	image.target.size = 8;
	OK(images_put(c, &image, &soon, &err));
	OK(images_get(c, image.name, &soon, &got, &err));
	assert_int_equal(got.target.size, 8);
	assert_string_equal(got.target.digest, layer_digest);
	assert_string_equal(dict_get(&got.labels, "one"), "1");
	assert_true(got.created_at > 0 && got.updated_at >= got.created_at);
	OK(images_list(c, "name==docker.io/library/x:latest", &soon, &all, &err));
	assert_int_equal(all.n, 1);
	OK(images_delete(c, image.name, true, &soon, &err));
	EXPECT(-ERR_NOT_FOUND, images_delete(c, image.name, false, &soon, &err));
	OK(images_put(c, &image, &soon, &err));
	OK(images_delete(c, image.name, false, &soon, &err));
}

static const char spec_type[] = "types.containerd.io/opencontainers/runtime-spec/1/Spec",
		  process_type[] = "types.containerd.io/opencontainers/runtime-spec/1/Process";

static void spec_of(struct buf *out, const char *id, const char *script)
{
	buf_addf(out,
		 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},"
		 "\"process\":{\"args\":[\"/bin/busybox\",\"sh\",\"-c\",\"%s\"],\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0}},"
		 "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}],"
		 "\"linux\":{\"cgroupsPath\":\"/"
		 "%s-%s\",\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\"}]}}",
		 script, ns, id);
}

static void container_of_script(struct ctrd_container *k, const char *id, const char *script)
{
	*k = (struct ctrd_container){
		.id = mem_strdup(id),
		.image = mem_strdup("x"),
		.runtime = mem_strdup("io.containerd.runc.v2"),
		.snapshotter = mem_strdup(snapshotter),
		.snapshot_key = mem_strdup(id),
		.spec.type_url = mem_strdup(spec_type),
	};
	spec_of(&k->spec.value, id, script);
}

static void keeps_containers(void **state)
{
	_cleanup_(ctrd_container_done) struct ctrd_container k = { 0 }, got = { 0 };
	_cleanup_(ctrd_containers_done) struct ctrd_containers all = { 0 }, lean = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	const struct ctrd_any *extension;

	(void)state;
	container_of_script(&k, "record", "true");
	dict_of(&k.labels, "keep", "1");
	dict_of(&k.labels, "drop", "1");
	ctrd_container_extend(&k, "davit.job", "types.davit/job", "{}", 2);
	ctrd_container_extend(&k, "davit.job", "types.davit/job", "{\"a\":1}", 7);
	OK(containers_create(c, &k, &soon, &err));
	EXPECT(-ERR_EXISTS, containers_create(c, &k, &soon, &err));
	dict_of(&labels, "drop", "");
	dict_of(&labels, "new.key", "2");
	OK(containers_set_labels(c, "record", &labels, &soon, &err));
	EXPECT(-ERR_NOT_FOUND, containers_set_labels(c, "absent", &labels, &soon, &err));
	dict_done(&labels);
	OK(containers_set_labels(c, "record", &labels, &soon, &err));
	buf_reset(&k.spec.value);
	spec_of(&k.spec.value, "record", "false");
	OK(containers_set_spec(c, "record", &k.spec, &soon, &err));

	OK(containers_get(c, "record", &soon, &got, &err));
	assert_string_equal(dict_get(&got.labels, "keep"), "1");
	assert_string_equal(dict_get(&got.labels, "new.key"), "2");
	assert_null(dict_get(&got.labels, "drop"));
	assert_string_equal(got.runtime, k.runtime);
	assert_string_equal(got.snapshot_key, "record");
	assert_string_equal(got.spec.type_url, spec_type);
	assert_int_equal(got.spec.value.len, k.spec.value.len);
	assert_memory_equal(got.spec.value.data, k.spec.value.data, k.spec.value.len);
	extension = ctrd_container_extension(&got, "davit.job");
	assert_non_null(extension);
	assert_string_equal(extension->type_url, "types.davit/job");
	assert_string_equal(buf_str(&extension->value), "{\"a\":1}");
	assert_null(ctrd_container_extension(&got, "other"));
	OK(containers_list(c, "labels.keep==1", &soon, &all, &err));
	assert_int_equal(all.n, 1);
	OK(containers_list_lean(c, "labels.keep==1", &soon, &lean, &err));
	assert_int_equal(lean.n, 1);
	assert_string_equal(lean.v[0].id, "record");
	assert_string_equal(dict_get(&lean.v[0].labels, "keep"), "1");
	assert_true(lean.v[0].created_at == all.v[0].created_at && lean.v[0].created_at);
	assert_true(!lean.v[0].spec.type_url && !lean.v[0].spec.value.len && !lean.v[0].n_extensions);
	OK(containers_delete(c, "record", &soon, &err));
	OK(containers_delete(c, "record", &soon, &err));
	ctrd_container_done(&got);
	EXPECT(-ERR_NOT_FOUND, containers_get(c, "record", &soon, &got, &err));
}

/* A container of @script with its task created, and the wait for it open. */
static struct ctrd_call *task_of(const char *id, const char *script)
{
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	_cleanup_(ctrd_container_done) struct ctrd_container k = { 0 };
	struct ctrd_io io = { 0 };
	pid_t pid;

	container_of_script(&k, id, script);
	OK(snapshots_prepare(c, snapshotter, id, layer_digest, NULL, &soon, &mounts, &err));
	OK(containers_create(c, &k, &soon, &err));
	OK(tasks_create(c, id, &mounts, &io, NULL, &soon, &pid, &err));
	assert_true(pid > 1);
	return tasks_wait_begin(c, id, NULL, &soon);
}

static void drop(const char *id)
{
	EXPECT(-ERR_NOT_FOUND, tasks_delete(c, id, NULL, &soon, NULL, &err));
	OK(containers_delete(c, id, &soon, &err));
	OK(snapshots_remove(c, snapshotter, id, &soon, &err));
}

static void runs_a_task_to_its_end(void **state)
{
	_cleanup_(ctrd_process_done) struct ctrd_process process = { 0 };
	struct ctrd_call *wait;
	struct ctrd_exit how = { 0 };
	int64_t before = clock_wall();
	pid_t pid;

	(void)state;
	hold();
	wait = task_of("ends", "exit 42");
	OK(tasks_get(c, "ends", NULL, &soon, &process, &err));
	assert_int_equal(process.status, CTRD_CREATED);
	assert_string_equal(process.id, "ends");
	OK(tasks_start(c, "ends", NULL, &soon, &pid, &err));
	assert_int_equal(pid, process.pid);
	OK(tasks_wait_end(wait, &soon, &how, &err));
	assert_int_equal(how.status, 42);
	assert_true(how.at >= before);
	how = (struct ctrd_exit){ 0 };
	OK(tasks_delete(c, "ends", NULL, &soon, &how, &err));
	assert_int_equal(how.status, 42);
	drop("ends");
}

static void exec_spec(struct ctrd_any *any, const char *script)
{
	any->type_url = mem_strdup(process_type);
	buf_addf(&any->value, "{\"args\":[\"/bin/busybox\",\"sh\",\"-c\",\"%s\"],\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0}}",
		 script);
}

static void executes_in(const char *id)
{
	_cleanup_(ctrd_any_done) struct ctrd_any spec = { 0 };
	struct ctrd_io io = { 0 };
	struct ctrd_exit how;
	struct ctrd_call *wait;
	pid_t pid;

	exec_spec(&spec, "exit 3");
	OK(tasks_exec(c, id, "e1", &io, &spec, &soon, &err));
	EXPECT(-ERR_EXISTS, tasks_exec(c, id, "e1", &io, &spec, &soon, &err));
	wait = tasks_wait_begin(c, id, "e1", &soon);
	OK(tasks_start(c, id, "e1", &soon, &pid, &err));
	assert_true(pid > 1);
	OK(tasks_wait_end(wait, &soon, &how, &err));
	assert_int_equal(how.status, 3);
	OK(tasks_delete(c, id, "e1", &soon, &how, &err));
	assert_int_equal(how.status, 3);
	EXPECT(-ERR_NOT_FOUND, tasks_get(c, id, "e1", &soon, &(struct ctrd_process){ 0 }, &err));
}

static void handles_a_running_task(void **state)
{
	_cleanup_(ctrd_processes_done) struct ctrd_processes all = { 0 };
	_cleanup_(ctrd_process_done) struct ctrd_process process = { 0 };
	_cleanup_(ctrd_any_done) struct ctrd_any metrics = { 0 };
	_cleanup_free_ pid_t *pids = NULL;
	struct ctrd_call *wait;
	struct ctrd_exit how;
	size_t n;
	pid_t pid;

	(void)state;
	hold();
	wait = task_of("runs", "trap : TERM; while :; do /bin/busybox sleep 1; done");
	OK(tasks_start(c, "runs", NULL, &soon, &pid, &err));
	OK(tasks_list(c, &soon, &all, &err));
	assert_int_equal(all.n, 1);
	assert_string_equal(all.v[0].id, "runs");
	assert_int_equal(all.v[0].status, CTRD_RUNNING);
	OK(tasks_pids(c, "runs", &soon, &pids, &n, &err));
	assert_true(n >= 1 && (pids[0] == pid || n > 1));
	OK(tasks_metrics(c, "runs", &soon, &metrics, &err));
	assert_non_null(strstr(metrics.type_url, "Metrics"));
	EXPECT(-ERR_NOT_FOUND, tasks_metrics(c, "absent", &soon, &metrics, &err));
	executes_in("runs");
	OK(tasks_resize(c, "runs", NULL, 80, 25, &soon, &err));
	OK(tasks_close_stdin(c, "runs", NULL, &soon, &err));
	OK(tasks_pause(c, "runs", &soon, &err));
	OK(tasks_get(c, "runs", NULL, &soon, &process, &err));
	assert_int_equal(process.status, CTRD_PAUSED);
	OK(tasks_resume(c, "runs", &soon, &err));
	assert_false(ctrd_call_ready(wait));
	assert_true(tasks_delete(c, "runs", NULL, &soon, &how, &err) < 0); /* it runs; the code differs between shims */
	err = (struct err)ERR_INIT;
	OK(tasks_kill(c, "runs", NULL, SIGKILL, true, &soon, &err));
	OK(tasks_wait_end(wait, &soon, &how, &err));
	assert_int_equal(how.status, 137);
	EXPECT(-ERR_NOT_FOUND, tasks_kill(c, "runs", NULL, SIGKILL, false, &soon, &err));
	OK(tasks_delete(c, "runs", NULL, &soon, &how, &err));
	drop("runs");
}

static void tells_of_events(void **state)
{
	static const char *const want[] = { "/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete" };
	_cleanup_(ctrd_call_freep) struct ctrd_call *events = NULL;
	_cleanup_strv_ struct strv filters = { 0 };
	struct ctrd_exit how;
	struct ctrd_call *wait;

	(void)state;
	hold();
	strv_pushf(&filters, "namespace==%s,topic~=^/tasks/", ns);
	events = events_subscribe(c, &filters, &soon);
	wait = task_of("told", "exit 9");
	OK(tasks_start(c, "told", NULL, &soon, NULL, &err));
	OK(tasks_wait_end(wait, &soon, &how, &err));
	OK(tasks_delete(c, "told", NULL, &soon, &how, &err));
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		_cleanup_(ctrd_event_done) struct ctrd_event event = { 0 };
		_cleanup_(ctrd_task_event_done) struct ctrd_task_event task = { 0 };
		const bool last = i + 1 == sizeof want / sizeof *want;
		const struct ctx limit = ctx_within(&soon, last ? 5000 : 60000);
		int r = events_next(events, &limit, &event, &err);

		if (last && r < 0) { /* a shim that ends after the Delete may take its last event with it */
			print_message("no event of the deletion came: %s\n", err.msg);
			err = (struct err)ERR_INIT;
			break;
		}
		assert_int_equal(r, 1);
		assert_string_equal(event.topic, want[i]);
		assert_string_equal(event.ns, ns);
		OK(ctrd_event_task(&event, &task, &err));
		assert_string_equal(task.container_id, "told");
		assert_int_equal(task.exit_status, i >= 2 ? 9 : 0);
	}
	drop("told");
}

static void lists_more_than_a_message_holds(void **state)
{
	enum { N = 300, PAD = 80000 }; /* 24 MB of specs: over the 16 MiB of one message */
	_cleanup_(ctrd_containers_done) struct ctrd_containers all = { 0 }, lean = { 0 };
	_cleanup_free_ char *pad = mem_zalloc(PAD + 1);
	struct ctrd_call *call[N];

	(void)state;
	memset(pad, 'x', PAD);
	for (int i = 0; i < N; i++) { /* side by side */
		_cleanup_(ctrd_container_done) struct ctrd_container k = { 0 };
		_cleanup_free_ char *id = mem_printf("many-%d", i);

		container_of_script(&k, id, pad);
		free(TAKE_PTR(k.snapshot_key));
		call[i] = containers_create_begin(c, &k, &soon);
	}
	for (int i = 0; i < N; i++)
		OK(containers_create_end(call[i], &soon, &err));
	OK(containers_list(c, "id~=many-", &soon, &all, &err));
	assert_int_equal(all.n, N);
	OK(containers_list_lean(c, "id~=many-", &soon, &lean, &err));
	assert_int_equal(lean.n, N);
	for (int i = 0; i < N; i++)
		call[i] = containers_delete_begin(c, all.v[i].id, &soon);
	for (int i = N; i-- > 0;) /* in any order */
		OK(containers_delete_end(call[i], &soon, &err));
}

static void reports_what_containerd_says(void **state)
{
	struct ctx past = { .deadline = 1 };
	struct ctrd_image image;

	(void)state;
	assert_int_equal(images_get(c, "docker.io/library/none:1", &soon, &image, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.msg, "image \"docker.io/library/none:1\": not found");
	err = (struct err)ERR_INIT;
	assert_int_equal(images_get(c, "docker.io/library/none:1", &past, &image, &err), -ERR_DEADLINE);
	assert_string_equal(err.msg, "image docker.io/library/none:1: timed out");
	err = (struct err)ERR_INIT;
	go_to(ctrd_in(c, ""));
	EXPECT(-ERR_PRECONDITION, images_get(c, "x", &soon, &image, &err)); /* namespace is required */
	go_to(ctrd_in(c, ns));
	EXPECT(-ERR_NOT_FOUND, images_get(c, "x", &soon, &image, &err));
}

static void leaves_nothing(void **state)
{
	_cleanup_(ctrd_containers_done) struct ctrd_containers containers = { 0 };

	(void)state;
	go_to(ctrd_under(c, NULL));
	OK(containers_list(c, NULL, &soon, &containers, &err));
	assert_int_equal(containers.n, 0);
	OK(snapshots_remove(c, snapshotter, layer_digest, &soon, &err));
	OK(leases_delete(c, "hold", true, &soon, &err));
	if (!fake) /* which does not collect what no lease holds any more */
		OK(namespaces_delete(c, ns, &soon, &err));
	free(TAKE_PTR(layer_digest));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

/* What the scripts do under a real one. */
static int fake_begin(struct loop *l)
{
	static const struct {
		const char *key, *what;
	} programs[] = { { "ends", "42" }, { "told", "9" }, { "runs/e1", "3" } };
	int r = fake_start(l, &fake, &err);

	for (size_t i = 0; r == 0 && i < sizeof programs / sizeof *programs; i++)
		r = fake_program(fake, programs[i].key, programs[i].what, NULL, &err);
	if (r < 0)
		(void)fprintf(stderr, "%s\n", err.msg);
	else
		address = fake_address(fake);
	return r;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		CASE(tells_what_it_is),
		CASE(keeps_namespaces),
		CASE(keeps_leases),
		CASE(keeps_content),
		CASE(resumes_an_ingest),
		CASE(moves_large_blobs),
		CASE(unpacks_a_layer),
		CASE(keeps_images),
		CASE(keeps_containers),
		CASE(runs_a_task_to_its_end),
		CASE(handles_a_running_task),
		CASE(tells_of_events),
		CASE(lists_more_than_a_message_holds),
		CASE(reports_what_containerd_says),
		CASE(leaves_nothing),
	};
	_cleanup_(loop_freep) struct loop *own = loop_new();
	bool pretend = argc == 2 && !strcmp(argv[1], "--fake");
	char id[9];
	int r;

	if (argc < 2 || (!pretend && geteuid() != 0) || !file_exists("/bin/busybox")) {
		(void)fprintf(stderr, "skipped: needs the address of a containerd, root, and a static /bin/busybox\n");
		return 77;
	}
	address = argv[1];
	if (argc > 2)
		snapshotter = argv[2];
	if (pretend && fake_begin(own) < 0)
		return 1;
	name_random(id, 8);
	(void)snprintf(ns, sizeof ns, "davit-test-%s", id);
	r = cmocka_run_group_tests_name("ctrd", tests, NULL, NULL);
	fake_free(fake);
	return r;
}
