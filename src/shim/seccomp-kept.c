#include "seccomp-kept.h"
#include "base64.h"
#include "file.h"
#include "mem.h"
#include "runtime-shim.h"
#include <dirent.h>
#include <inttypes.h>
#include <sha2.h>
#include <string.h>
#include <sys/stat.h>

#define ANNOTATION "run.oci.seccomp_bpf_data"
enum { PROGRAM_MAX = 4096 * 8 /* BPF_MAXINSNS of 8 bytes */ };

/* Which file that is; another one of that name is another. */
static void digest_file(struct buf *out, const char *path)
{
	struct stat st = { 0 };

	(void)stat(path, &st);
	buf_addf(out, "%s %ju %ju %jd %jd.%09ld %jd.%09ld\n", path, (uintmax_t)st.st_dev, (uintmax_t)st.st_ino,
		 (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (intmax_t)st.st_ctim.tv_sec,
		 st.st_ctim.tv_nsec);
}

/* Which libraries the engine finds: a change of one makes ldconfig write its cache. */
static void digest_libraries(struct buf *out)
{
	static const char *const names[] = { "LD_LIBRARY_PATH", "LD_PRELOAD" };

	digest_file(out, "/etc/ld.so.cache");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);

		buf_addf(out, "%s=%s\n", names[i], value ? value : "");
	}
}

/* Of a profile with flags or a listener the program is not all; annotations of the engine's that change it are asked for by who
 * knows what he does. */
static bool is_plain_profile(struct span spec, struct span profile)
{
	static const char *const more[] = { "flags", "listenerPath", "listenerMetadata" };
	struct span value;

	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		if (span_get(profile, more[i], &value) != SPAN_ABSENT)
			return false;
	return !memmem(spec.at, spec.len, "run.oci.", 8);
}

static void name_program(const struct engine *e, struct span profile, char name[SECCOMP_NAME])
{
	_cleanup_buf_ struct buf text = { 0 };

	digest_file(&text, e->program);
	digest_libraries(&text);
	buf_add(&text, profile.at, profile.len);
	(void)SHA256Data((const uint8_t *)text.data, text.len, name);
}

/* @spec with one annotation more: the first of those that are there, or with all that there are. */
static bool add_annotation(struct span spec, const struct buf *program, struct buf *out)
{
	struct span annotations;
	const enum span_found found = span_get(spec, "annotations", &annotations);
	const char *at = found == SPAN_FOUND ? annotations.at : memchr(spec.at, '{', spec.len), *rest = at + 1;

	if (found == SPAN_UNSURE || *at != '{')
		return false;
	buf_add(out, spec.at, (size_t)(rest - spec.at));
	buf_adds(out, found == SPAN_FOUND ? "\"" ANNOTATION "\":\"" : "\"annotations\":{\"" ANNOTATION "\":\"");
	base64_encode(out, program->data, program->len);
	buf_adds(out, found == SPAN_FOUND ? "\"" : "\"}");
	if (rest[strspn(rest, " \t\r\n")] != '}')
		buf_addc(out, ',');
	buf_add(out, rest, spec.len - (size_t)(rest - spec.at));
	return true;
}

static char *program_path(const struct seccomp_kept *k) { return mem_printf("%s/%s", k->folder, k->name); }

static bool read_program(const char *path, struct buf *out)
{
	return file_read(path, PROGRAM_MAX, out, NULL) >= 0 && out->len && out->len % 8 == 0;
}

void seccomp_kept_give(struct seccomp_kept *k, const char *folder, const struct engine *e, const char *bundle, struct span spec,
		       struct strv *words)
{
	static const char *const keys[] = { "linux", "seccomp", NULL };
	_cleanup_free_ char *copy = mem_printf("%s/" SHIM_SPEC, bundle), *path = NULL;
	_cleanup_buf_ struct buf program = { 0 }, text = { 0 };
	struct span profile;

	*k = (struct seccomp_kept){ .folder = folder };
	if (span_path(spec, keys, &profile) != SPAN_FOUND || !is_plain_profile(spec, profile))
		return;
	name_program(e, profile, k->name);
	path = program_path(k);
	if (!read_program(path, &program) || !add_annotation(spec, &program, &text))
		return;
	if (file_write(copy, text.data, text.len, 0600, NULL) < 0)
		return;
	k->given = true;
	strv_push(words, "--config");
	strv_push(words, copy);
}

/* One file more; many that nothing asks for any more all go. */
static void make_room(const char *folder)
{
	_cleanup_(closedirp) DIR *d = opendir(folder);
	size_t n = 0;

	while (d && readdir(d))
		n++;
	if (n >= SECCOMP_KEPT_MAX)
		(void)file_remove_tree(folder, NULL);
}

void seccomp_kept_take(const struct seccomp_kept *k, const struct engine *e, const char *id, bool failed)
{
	_cleanup_free_ char *made = mem_printf("%s/%s/seccomp.bpf", e->root, id), *path = program_path(k);
	_cleanup_buf_ struct buf program = { 0 };

	if (k->given && failed)
		(void)unlink(path);
	if (!*k->name || k->given || failed || !read_program(made, &program))
		return;
	make_room(k->folder);
	if (file_mkdirs(k->folder, 0700, NULL) >= 0)
		(void)file_write(path, program.data, program.len, 0600, NULL);
}
