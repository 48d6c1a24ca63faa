/* Limits of disks: linux.resources.blockIO. */
#include "limit.h"
#include "spec-parts.h"
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The arrays of the task, each with the names that option and spec have for it. */
struct row {
	enum limit limit;
	const char *key, *value;
	const struct blkio *v;
	size_t n;
};

static int emit_device(const struct row *row, const struct blkio *b, struct buf *out, struct err *err)
{
	struct stat st;

	if (stat(b->path, &st) < 0)
		return err_sys(err, errno, "%s %.200s", limit_option(row->limit), b->path);
	if (!S_ISBLK(st.st_mode))
		return err_hint(err, err_set(err, ERR_INVALID, "%s %.200s: not a block device", limit_option(row->limit), b->path),
				"lsblk -p lists them");
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
		r = emit_device(row, &row->v[i], out, err);
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
