/* Theory of operation: a shim that makes pods goes by the annotations of CRI. Its container of type "sandbox" gets the machine,
 * those of type "container" with that sandbox's id come into the same machine; and it ends the machine when the sandbox's process
 * ends. No image can be assumed for that process, so it is davit's own davit-init, bound into an empty root file system. The
 * container of the sandbox, being the first task's, has the job's id. */
#include "pod.h"
#include "file.h"
#include "job-pod.h"
#include "mem.h"
#include "places.h"
#include "self.h"
#include <stdlib.h>
#include <string.h>

static const char sandbox_config[] =
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"readonly\":true},"
	"\"process\":{\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"/dev/davit-init\",\"--pause\"],\"cwd\":\"/\","
	"\"env\":[\"PATH=/\"],\"noNewPrivileges\":true},"
	"\"mounts\":[{\"destination\":\"/"
	"proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"mode=755\",\"size=64k\"]}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},"
	"{\"type\":\"network\"}]}}";

static char *sandbox_root(const struct run *run)
{
	_cleanup_free_ char *files = places_files(run->core, run->id), *real = NULL;

	real = realpath(files, NULL); /* engines want it without links; of a plan there is none yet */
	return mem_printf("%s/" POD_SANDBOX, real ? real : files);
}

int pod_decide(struct run *run, struct err *err)
{
	const bool was = job_is_pod(run->job);
	int r;

	job_pod_unmake(run->job);
	r = was ? job_check(run->job, err) : 0; /* others may have named the sandbox */
	if (r < 0)
		return r;
	return run->runtime.vm && run->job->n_tasks > 1 ? job_pod_make(run->job, err) : 0;
}

static json *sandbox_bind(const char *source)
{
	json *m = json_new_object(), *options = json_new_array();

	json_put_str(m, "destination", "/dev/davit-init");
	json_put_str(m, "type", "bind");
	json_put_str(m, "source", source);
	json_append(options, json_new_str("bind"));
	json_append(options, json_new_str("ro"));
	json_put(m, "options", options);
	return m;
}

int pod_decide_sandbox(struct run_task *t, struct err *err)
{
	_cleanup_free_ char *init = NULL, *root = sandbox_root(t->run);
	char host[HOST_NAME_MAX + 1];
	int r = self_find("davit-init", &init, err);

	if (r >= 0)
		r = json_parse(sandbox_config, sizeof sandbox_config - 1, &t->bundle, err);
	if (r < 0)
		return r;
	json_put_str(json_get_object(t->bundle, "root"), "path", root);
	json_put_str(t->bundle, "hostname", run_hostname(t->run, host));
	json_append(json_get_array(t->bundle, "mounts"), sandbox_bind(init));
	return 0;
}

int pod_make_root(const struct run *run, struct err *err)
{
	static const char *const folders[] = { "proc", "dev" };
	_cleanup_free_ char *root = sandbox_root(run);
	int r = 0;

	for (size_t i = 0; r >= 0 && job_is_pod(run->job) && i < sizeof folders / sizeof *folders; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", root, folders[i]);

		r = file_mkdirs(path, 0755, err);
	}
	return r;
}

void pod_annotations(const struct run_task *t, struct dict *out)
{
	if (!job_is_pod(t->run->job))
		return;
	dict_set(out, "io.kubernetes.cri.container-type", t->task->sandbox ? "sandbox" : "container");
	dict_set(out, "io.kubernetes.cri.sandbox-id", t->run->id);
	dict_set(out, "io.kubernetes.cri.sandbox-name", t->run->job->name);
	if (!t->task->sandbox)
		dict_set(out, "io.kubernetes.cri.container-name", t->task->name);
}
