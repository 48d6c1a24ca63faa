/* The action "delete". It also runs while a pod's shim lives: siblings and the socket are not touched. */
#include "clock.h"
#include "engine.h"
#include "file.h"
#include "mem.h"
#include "mounts.h"
#include "pb.h"
#include "sandbox-pod.h"
#include "runtime-shim.h"
#include "shim.pb-c.h"
#include <unistd.h>

enum { STATUS_KILLED = 137 };

static void delete_by_engine(const char *bundle, const char *id)
{
	_cleanup_(engine_done) struct engine e = { 0 };
	_cleanup_strv_ struct strv words = { 0 };

	if (engine_load(bundle, &e, NULL) < 0)
		return; /* Create never came so far */
	strv_push(&words, "delete");
	strv_push(&words, "--force");
	strv_push(&words, id);
	(void)engine_run(&e, bundle, &words, NULL);
}

static int print_answer(struct err *err)
{
	Shim__DeleteResponse d = SHIM__DELETE_RESPONSE__INIT;
	Google__Protobuf__Timestamp at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	_cleanup_buf_ struct buf out = { 0 };
	const int64_t now = clock_wall();

	at.seconds = now / NSEC_PER_SEC;
	at.nanos = (int32_t)(now % NSEC_PER_SEC);
	d.exit_status = STATUS_KILLED;
	d.exited_at = &at;
	pb_pack(&d.base, &out);
	return write(STDOUT_FILENO, out.data, out.len) == (ssize_t)out.len ? 0
									   : err_set(err, ERR_UNKNOWN, "standard output is closed");
}

int shim_delete(const struct shim_args *a, struct err *err)
{
	_cleanup_free_ char *here = getcwd(NULL, 0);
	const char *bundle = a->bundle && *a->bundle ? a->bundle : here;
	_cleanup_free_ char *marker = mem_printf("%s/" SHIM_DELETED, bundle), *rootfs = mem_printf("%s/rootfs", bundle);

	if (!file_exists(marker)) {
		delete_by_engine(bundle, a->id);
		(void)mounts_drop(rootfs, NULL);
		pod_drop(bundle);
	}
	return print_answer(err);
}
