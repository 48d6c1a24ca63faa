/* containerd, its shims and the engines below them. */
#include "doctor-row.h"
#include "ctrd-conf.h"
#include "socket.h"
#include "file.h"
#include "introspection.h"
#include "mem.h"
#include "runtimes.h"
#include "shim.h"
#include "version.h"
#include <string.h>
#include <sys/socket.h>

static void look_absent(struct doctor *d)
{
	_cleanup_free_ char *program = doctor_program(d, "containerd");

	if (d->conf->address || d->core_err.code == ERR_PERMISSION)
		doctor_say(d, CHECK_ERROR, d->core_err.hint, "%s", d->core_err.msg);
	else if (program)
		doctor_say(d, CHECK_OK, NULL, "none runs; davit starts %s as its own engine when it needs one",
			   doctor_shown(d, program));
	else
		doctor_say(d, CHECK_ERROR, "apt-get install containerd runc", "none runs, and there is no program containerd");
}

static void look_containerd(struct doctor *d)
{
	_cleanup_(ctrd_version_done) struct ctrd_version v = { 0 };
	const struct ctx ctx = ctx_within(d->ctx, 5000);
	struct err err = ERR_INIT;

	if (!d->core)
		look_absent(d);
	else if (version_get(d->core->ctrd, &ctx, &v, &err) < 0)
		doctor_say(d, CHECK_ERROR, err.hint, "at %s: %s", d->core->address, err.msg);
	else
		doctor_say(d, CHECK_OK, NULL, "%s at %s", v.version, d->core->address);
}

static void look_mounts(struct doctor *d)
{
	struct err err = ERR_INIT;

	if (!d->core)
		return;
	if (shims_are_near(d->core, &err) < 0)
		doctor_say(d, CHECK_WARNING, err.hint, "%s", err.msg);
	else
		doctor_say(d, CHECK_OK, NULL, "containerd sees what davit mounts");
}

static void look_config(struct doctor *d)
{
	_cleanup_free_ char *named = d->core ? ctrd_conf_named(socket_listener(d->core->address)) : NULL;

	if (named)
		doctor_say(d, CHECK_OK, NULL, "%s, by its command line", named);
	else if (doctor_has(d, CTRD_CONF))
		doctor_say(d, CHECK_OK, NULL, CTRD_CONF);
	else
		doctor_say(d, CHECK_OK, NULL, "no " CTRD_CONF ": containerd's own defaults");
}

static bool list_plugins(struct doctor *d, struct ctrd_plugins *ret)
{
	const struct ctx ctx = ctx_within(d->ctx, 5000);
	struct err err = ERR_INIT;

	if (!d->core)
		return false;
	if (introspection_plugins(d->core->ctrd, NULL, &ctx, ret, &err) >= 0)
		return true;
	doctor_say(d, CHECK_WARNING, err.hint, "%s", err.msg);
	return false;
}

static void look_snapshotters(struct doctor *d)
{
	_cleanup_(ctrd_plugins_done) struct ctrd_plugins all = { 0 };
	_cleanup_strv_ struct strv good = { 0 };
	_cleanup_free_ char *text = NULL, *why = NULL;

	if (!list_plugins(d, &all))
		return;
	for (size_t i = 0; i < all.n; i++) {
		if (strcmp(all.v[i].type, "io.containerd.snapshotter.v1") != 0)
			continue;
		if (!all.v[i].init_err)
			strv_push(&good, all.v[i].id);
		else if (!strcmp(all.v[i].id, "overlayfs"))
			why = mem_strdup(all.v[i].init_err);
	}
	text = strv_join(&good, ", ");
	if (strv_has(&good, "overlayfs"))
		doctor_say(d, CHECK_OK, NULL, "%s", text);
	else if (good.n)
		doctor_say(d, CHECK_WARNING, "modprobe overlay",
			   "overlayfs does not work (%s): use --snapshotter %s, which is slower", why ? why : "switched off",
			   good.v[0]);
	else
		doctor_say(d, CHECK_ERROR, "modprobe overlay", "none works (overlayfs: %s)", why ? why : "switched off");
}

/* For information: davit needs none. */
static void look_cri(struct doctor *d)
{
	_cleanup_(ctrd_plugins_done) struct ctrd_plugins all = { 0 };

	if (!list_plugins(d, &all))
		return;
	for (size_t i = 0; i < all.n; i++) {
		if (strcmp(all.v[i].type, "io.containerd.grpc.v1") != 0 || strcmp(all.v[i].id, "cri") != 0)
			continue;
		if (all.v[i].init_err)
			doctor_say(d, CHECK_OK, NULL, "does not start (%s); davit needs none", all.v[i].init_err);
		else
			doctor_say(d, CHECK_OK, NULL, "on; davit needs none");
		return;
	}
	doctor_say(d, CHECK_OK, NULL, "switched off, as in Docker's packages; davit needs none");
}

static void look_shims(struct doctor *d)
{
	_cleanup_strv_ struct strv found = { 0 };
	_cleanup_free_ char *text = NULL, *runc = NULL, *version = NULL;

	doctor_shims(d, &found);
	text = strv_join(&found, ", ");
	runc = doctor_program(d, "containerd-shim-runc-v2");
	version = runc ? doctor_shim_version(d, runc) : NULL;
	if (!strv_has(&found, "containerd-shim-runc-v2") && !strv_has(&found, "containerd-shim-davit-v2"))
		doctor_say(d, CHECK_ERROR, "apt-get install containerd", "no containerd-shim-runc-v2%s%s", found.n ? ", only " : "",
			   text);
	else if (version)
		doctor_say(d, CHECK_OK, NULL, "%s (runc-v2: %s)", text, version);
	else
		doctor_say(d, CHECK_OK, NULL, "%s", text);
}

static void look_engines(struct doctor *d)
{
	bool usual = false;

	for (size_t i = 0; runtime_engines[i]; i++) {
		_cleanup_free_ char *path = doctor_program(d, runtime_engines[i]), *version = NULL;

		if (!path)
			continue;
		usual |= i < 2;
		version = doctor_engine_version(d, path);
		if (version)
			doctor_say(d, CHECK_OK, NULL, "%s %s, %s", runtime_engines[i], version, doctor_shown(d, path));
		else
			doctor_say(d, CHECK_WARNING, NULL, "%s, %s: does not tell its version", runtime_engines[i],
				   doctor_shown(d, path));
	}
	if (!usual)
		doctor_say(d, CHECK_ERROR, "apt-get install runc", "neither runc nor crun");
}

static const struct doctor_row rows[] = {
	{ "containerd", look_containerd },     { "mounts", look_mounts },  { "containerd configuration", look_config },
	{ "snapshotters", look_snapshotters }, { "cri plugin", look_cri }, { "shims", look_shims },
	{ "engines", look_engines },
};
const struct doctor_rows doctor_containerd = { rows, sizeof rows / sizeof *rows };
