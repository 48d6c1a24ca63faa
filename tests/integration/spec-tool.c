/* spec-tool ROOTFS ID [NETNS]: the runtime spec of {"job": ..., "image": ...} on standard input, as davit would write it. */
#include "cap.h"
#include "file.h"
#include "spec.h"
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

static int make_user(const char *rootfs, const struct task *t, const struct image_config *image, struct user *ret, struct err *err)
{
	_cleanup_(user_files_done) struct user_files files = { 0 };
	_cleanup_close_ int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *spec = t->user ? t->user : image->user ? image->user : "";

	(void)file_read_at(root, "etc/passwd", 1 << 20, &files.passwd, NULL);
	(void)file_read_at(root, "etc/group", 1 << 20, &files.group, NULL);
	return user_lookup(&files, spec, strv_argv(&t->group_add), ret, err);
}

static int build(char **argv, const struct job *job, const struct image_config *image, struct buf *out, struct err *err)
{
	_cleanup_(user_done) struct user user = { 0 };
	struct spec_mount mounts[16] = { 0 };
	struct rlimit nofile = { 0 };
	struct spec_in in = { .job = job,
			      .task = job->tasks,
			      .image = image,
			      .user = &user,
			      .id = argv[2],
			      .ns = "davit-test",
			      .hostname = job->hostname ? job->hostname : argv[2],
			      .netns = argv[3],
			      .mounts = mounts,
			      .bounding = cap_bounding(),
			      .cgroup2 = file_exists("/sys/fs/cgroup/cgroup.controllers") };
	int r = make_user(argv[1], job->tasks, image, &user, err);

	if (r < 0)
		return r;
	(void)getrlimit(RLIMIT_NOFILE, &nofile);
	in.nofile_max = nofile.rlim_max;
	for (size_t i = 0; i < job->tasks->n_mounts && in.n_mounts < 16; i++) {
		const struct mount *m = &job->tasks->mounts[i];

		if (m->kind == MOUNT_BIND)
			mounts[in.n_mounts++] = (struct spec_mount){ m->source, m->target, m->read_only, &m->options, NULL, true };
	}
	return spec_build(&in, out, err);
}

static int run(char **argv, struct buf *out, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 }, job_text = { 0 }, image_text = { 0 };
	_cleanup_(image_config_done) struct image_config image = { 0 };
	_cleanup_(job_freep) struct job *job = NULL;
	_cleanup_json_ json *in = NULL;
	int r;

	r = file_read_given("/dev/stdin", 1 << 20, NULL, &text, err);
	if (r >= 0)
		r = json_parse(buf_str(&text), text.len, &in, err);
	if (r >= 0) {
		json_write(json_get(in, "job"), &job_text);
		r = job_read_json("job", buf_str(&job_text), job_text.len, &job, err);
	}
	if (r < 0)
		return r;
	json_write(json_get(in, "image"), &image_text);
	r = image_config_parse(image_text.data, image_text.len, &image, err);
	return r < 0 ? r : build(argv, job, &image, out, err);
}

int main(int argc, char **argv)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct err err = ERR_INIT;

	if (argc < 3)
		return 2;
	if (run(argv, &out, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : 1;
}
