#include "hint.h"
#include "test.h"

static void worded(void **state)
{
	static const struct {
		const char *hint, *wanted; /* NULL: none */
	} rows[] = {
		{ "local/image.tar", "local/image.tar" },
		{ "use another file system, as ext4, xfs (tmpfs from Linux 6.3 on), or --userns host",
		  "use another file system, as ext4, xfs (tmpfs from Linux 6.3 on), or userns_mode = \"host\"" },
		{ "Linux 5.19 can, or use --userns=host", "Linux 5.19 can, or use userns_mode = \"host\"" },
		{ "choose another, or --network none", "choose another, or network_mode = \"none\"" },
		{ "--network host runs it so", "network_mode = \"host\" runs it so" },
		{ "leave out --security-opt apparmor=x", "leave out apparmor_profile = \"x\"" },
		{ "--security-opt label=disable runs it without", "selinux_opts = [\"disable\"] runs it without" },
		{ "use --security-opt mask=/x", NULL },
		{ "leave that limit out, or take another engine with --runtime: it did not",
		  "leave that limit out, or take another engine with runtime: it did not" },
		{ "--snapshotter overlayfs, or --userns host", "snapshotter = \"overlayfs\", or userns_mode = \"host\"" },
		{ "mount --make-shared /x", "mount --make-shared /x" },
		/* what no option means, or not with that value */
		{ "there is: linux/amd64; --platform takes one", NULL },
		{ "davit run --pull always --platform linux/arm64", NULL },
		{ "--pull always", NULL },
		{ "apt-get install x, or name its folder with --cni-path", NULL },
		{ "see --", "see --" },
		{ "a--network", "a--network" },
		/* commands of davit's */
		{ "davit pull busybox", NULL },
		{ "see: davit doctor", NULL },
		{ "start it with: davit start x", NULL },
		{ "stop it with: davit stop web, or publish another port", "publish another port" },
		{ "the disk is full: df -h shows which, davit system prune frees some", "the disk is full: df -h shows which" },
		{ "its name says another digest, do not trust it; davit image rm takes the name away",
		  "its name says another digest, do not trust it" },
		{ "the label davit.job, /run/davit/x, containerd-shim-davit-v2",
		  "the label davit.job, /run/davit/x, containerd-shim-davit-v2" },
		{ "", NULL },
		{ "davit", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[PLUGIN_HINT_TEXT];
		const char *got = hint_for_nomad(rows[i].hint, text);

		assert_string_equal(got ? got : "(none)", rows[i].wanted ? rows[i].wanted : "(none)");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(worded) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
