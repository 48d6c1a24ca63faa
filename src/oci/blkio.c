/* Limits of disks: linux.resources.blockIO. */
#include "controllers.h"
#include "file.h"
#include "limit.h"
#include "mem.h"
#include "spec-parts.h"
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { SCHEDULERS_MAX = 4096 };

/* Weights of single devices are BFQ's, in both versions: with another scheduler the kernel refuses them. What says nothing of one
 * (a device without a queue of its own) is left to the kernel. */
static int check_scheduler(const struct spec_in *in, const char *path, dev_t number, struct err *err)
{
	_cleanup_free_ char *queue = mem_printf("%s/sys/dev/block/%u:%u/queue/scheduler", in->host_root ? in->host_root : "",
						major(number), minor(number));
	const bool v2 = controllers_v2(in->host_root ? in->host_root : "");
	_cleanup_buf_ struct buf text = { 0 };
	int r;

	if (in->vm || file_read(queue, SCHEDULERS_MAX, &text, NULL) < 0 || strstr(buf_str(&text), "[bfq]"))
		return 0;
	r = err_set(err, ERR_PRECONDITION,
		    "blkio-weight-device %.200s: the cgroup controller \"%s\" weighs single devices with the scheduler bfq only",
		    path, v2 ? "io" : "blkio");
	return err_hint(err, r, "echo bfq > /sys/dev/block/%u:%u/queue/scheduler", major(number), minor(number));
}

/* The arrays of the task, each with the names that option and spec have for it. */
struct row {
	enum limit limit;
	const char *key, *value;
	const struct blkio *v;
	size_t n;
};

static int emit_device(const struct spec_in *in, const struct row *row, const struct blkio *b, struct buf *out, struct err *err)
{
	struct stat st;
	int r;

	if (stat(b->path, &st) < 0)
		return err_sys(err, errno, "%s %.200s", limit_option(row->limit), b->path);
	if (!S_ISBLK(st.st_mode))
		return err_hint(err, err_set(err, ERR_INVALID, "%s %.200s: not a block device", limit_option(row->limit), b->path),
				"lsblk -p lists them");
	r = row->limit == LIMIT_WEIGHT_DEVICE ? check_scheduler(in, b->path, st.st_rdev, err) : 0;
	if (r < 0)
		return r;
	emit_open(out, NULL, '{');
	emit_uint(out, "major", major(st.st_rdev));
	emit_uint(out, "minor", minor(st.st_rdev));
	emit_int(out, row->value, b->rate);
	emit_close(out, '}');
	return 0;
}

static int emit_row(const struct spec_in *in, const struct row *row, struct buf *out, struct err *err)
{
	int r = row->n ? limit_need(in, row->limit, err) : 0;

	if (r < 0 || !row->n)
		return r;
	emit_open(out, row->key, '[');
	for (size_t i = 0; i < row->n && r >= 0; i++)
		r = emit_device(in, row, &row->v[i], out, err);
	emit_close(out, ']');
	return r;
}

int spec_blkio(const struct spec_in *in, struct buf *out, struct err *err)
{
	const struct task *t = in->task;
	const struct row rows[] = {
		{ LIMIT_WEIGHT_DEVICE, "weightDevice", "weight", t->blkio_weights, t->n_blkio_weights },
		{ LIMIT_READ_BPS, "throttleReadBpsDevice", "rate", t->read_bps, t->n_read_bps },
		{ LIMIT_WRITE_BPS, "throttleWriteBpsDevice", "rate", t->write_bps, t->n_write_bps },
		{ LIMIT_READ_IOPS, "throttleReadIOPSDevice", "rate", t->read_iops, t->n_read_iops },
		{ LIMIT_WRITE_IOPS, "throttleWriteIOPSDevice", "rate", t->write_iops, t->n_write_iops },
	};
	enum { N = sizeof rows / sizeof *rows };
	int r = t->blkio_weight ? limit_need(in, LIMIT_WEIGHT, err) : 0;
	size_t n = 0;

	for (size_t i = 0; i < N; i++)
		n += rows[i].n;
	if (r < 0 || (!n && !t->blkio_weight))
		return r;
	emit_open(out, "blockIO", '{');
	if (t->blkio_weight)
		emit_int(out, "weight", t->blkio_weight);
	for (size_t i = 0; i < N && r >= 0; i++)
		r = emit_row(in, &rows[i], out, err);
	emit_close(out, '}');
	return r;
}
