#include "kata.h"
#include "file.h"
#include "mem.h"

static const char *const places[] = {
	"/etc/kata-containers/configuration.toml",
	"/usr/share/defaults/kata-containers/configuration.toml",
	"/opt/kata/share/defaults/kata-containers/configuration.toml",
};

static bool is_there(const char *root, const char *path)
{
	_cleanup_free_ char *full = mem_printf("%s%s", root, path);

	return file_exists(full);
}

int kata_config(const char *root, char **ret, struct err *err)
{
	const char *given = getenv("KATA_CONF_FILE");
	int r;

	if (given && *given) {
		if (!is_there(root, given))
			return err_hint(err, err_set(err, ERR_NOT_FOUND, "KATA_CONF_FILE %s: there is no such file", given),
					"unset KATA_CONF_FILE, or let it name Kata's configuration.toml");
		*ret = mem_strdup(given);
		return 0;
	}
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (is_there(root, places[i])) {
			*ret = mem_strdup(places[i]);
			return 0;
		}
	r = err_set(err, ERR_NOT_FOUND,
		    "no configuration.toml in /etc/kata-containers, /usr/share/defaults/kata-containers or "
		    "/opt/kata/share/defaults/kata-containers");
	return err_hint(err, r, "mkdir -p /etc/kata-containers && cp DEFAULTS/configuration.toml /etc/kata-containers/");
}

const struct kata_device kata_devices[] = {
	{ "/dev/kvm", "modprobe kvm_intel || modprobe kvm_amd" },
	{ "/dev/vhost-vsock", "modprobe vhost_vsock" },
	{ 0 },
};

int kata_check_devices(const char *root, struct err *err)
{
	for (const struct kata_device *d = kata_devices; d->path; d++)
		if (!is_there(root, d->path))
			return err_hint(err,
					err_set(err, ERR_PRECONDITION,
						"no %s, without which Kata starts nothing (in a virtual machine: needs nested "
						"virtualisation)",
						d->path),
					"%s", d->remedy);
	return 0;
}
