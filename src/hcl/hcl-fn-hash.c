/* Functions that hash, and names that are made of hashes. */
#include "hcl-function.h"
#include "hcl-hash.h"
#include "name.h"
#include <string.h>

enum { HASH_STEPS = 8 }; /* bytes of a step */

static const struct hcl_value *gives_hash(struct hcl_args *a, size_t (*hash)(const void *, size_t, unsigned char *))
{
	unsigned char digest[HASH_MAX];
	_cleanup_buf_ struct buf b = { 0 };
	size_t n;

	if (hcl_spend(a->h, a->v[0]->n / HASH_STEPS + 50) < 0)
		return NULL;
	n = hash(hcl_arg_text(a, 0), a->v[0]->n, digest);
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%02x", digest[i]);
	return hcl_gives(a, &b);
}

static const struct hcl_value *fn_md5(struct hcl_args *a) { return gives_hash(a, hash_md5); }
static const struct hcl_value *fn_sha1(struct hcl_args *a) { return gives_hash(a, hash_sha1); }
static const struct hcl_value *fn_sha256(struct hcl_args *a) { return gives_hash(a, hash_sha256); }
static const struct hcl_value *fn_sha512(struct hcl_args *a) { return gives_hash(a, hash_sha512); }

static const struct hcl_value *hcl_gives_uuid(struct hcl_args *a, const char *hex)
{
	_cleanup_buf_ struct buf b = { 0 };

	buf_addf(&b, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
	return hcl_gives(a, &b);
}

static const struct hcl_value *fn_uuidv4(struct hcl_args *a)
{
	char hex[33];

	if (a->n)
		return hcl_lost(a, 0, "takes no arguments");
	if (hcl_spend(a->h, 100) < 0)
		return NULL;
	name_random(hex, 32);
	hex[12] = '4';
	hex[16] = "89ab"[hex[16] & 3];
	return hcl_gives_uuid(a, hex);
}

/* RFC 4122, appendix C: a word for one of its name spaces, or a UUID. */
static bool hcl_uuid_space(const char *name, unsigned char out[16])
{
	static const char words[][5] = { "dns", "url", "oid", "x500" };
	static const unsigned char last[] = { 0x10, 0x11, 0x12, 0x14 };
	static const unsigned char rest[16] = { 0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
						0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };
	size_t n = 0;

	for (size_t i = 0; i < sizeof last; i++)
		if (!strcmp(words[i], name)) {
			memcpy(out, rest, sizeof rest);
			out[3] = last[i];
			return true;
		}
	for (; *name; name++) {
		static const char digits[] = "0123456789abcdef0123456789ABCDEF";
		const char *at = strchr(digits, *name);

		if (*name == '-')
			continue;
		if (!at || n == 32)
			return false;
		out[n / 2] = (unsigned char)(out[n / 2] << 4 | (at - digits) % 16);
		n++;
	}
	return n == 32;
}

static const struct hcl_value *fn_uuidv5(struct hcl_args *a)
{
	unsigned char space[16] = { 0 }, digest[HASH_MAX];
	_cleanup_buf_ struct buf b = { 0 }, hex = { 0 };

	if (!hcl_uuid_space(hcl_arg_text(a, 0), space))
		return hcl_lost(a, 0, "dns, url, oid, x500 or a UUID is wanted");
	buf_add(&b, space, sizeof space);
	buf_add(&b, hcl_arg_text(a, 1), a->v[1]->n);
	if (hcl_spend(a->h, b.len / HASH_STEPS + 50) < 0)
		return NULL;
	(void)hash_sha1(b.data, b.len, digest);
	digest[6] = (digest[6] & 0x0f) | 0x50;
	digest[8] = (digest[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < 16; i++)
		buf_addf(&hex, "%02x", digest[i]);
	return hcl_gives_uuid(a, buf_str(&hex));
}

static const struct hcl_value *fn_bcrypt(struct hcl_args *a)
{
	return hcl_lost(a, 0, "davit does not make it: its salt would be another each time; give the hash itself, by a variable");
}

static const struct hcl_value *fn_rsadecrypt(struct hcl_args *a)
{
	return hcl_lost(a, 0, "davit does not decrypt, and a job file is no place for a private key; give the text by a variable");
}

const struct hcl_function hcl_hash_functions[] = {
	{ "md5", "t", 1, 1, fn_md5 },        { "sha1", "t", 1, 1, fn_sha1 },
	{ "sha256", "t", 1, 1, fn_sha256 },  { "sha512", "t", 1, 1, fn_sha512 },
	{ "uuidv4", "t", 0, 0, fn_uuidv4 },  { "uuidv5", "tt", 2, 2, fn_uuidv5 },
	{ "bcrypt", "ti", 1, 2, fn_bcrypt }, { "rsadecrypt", "tt", 2, 2, fn_rsadecrypt },
	{ NULL, NULL, 0, 0, NULL },
};
