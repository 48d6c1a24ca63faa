#include "hcl-hash.h"
#include <sys/types.h>

#include <md5.h>
#include <sha1.h>
#include <sha2.h>

size_t hash_md5(const void *data, size_t n, unsigned char out[HASH_MAX])
{
	MD5_CTX c;

	MD5Init(&c);
	MD5Update(&c, data, n);
	MD5Final(out, &c);
	return MD5_DIGEST_LENGTH;
}

size_t hash_sha1(const void *data, size_t n, unsigned char out[HASH_MAX])
{
	SHA1_CTX c;

	SHA1Init(&c);
	SHA1Update(&c, data, n);
	SHA1Final(out, &c);
	return SHA1_DIGEST_LENGTH;
}

size_t hash_sha256(const void *data, size_t n, unsigned char out[HASH_MAX])
{
	SHA2_CTX c;

	SHA256Init(&c);
	SHA256Update(&c, data, n);
	SHA256Final(out, &c);
	return SHA256_DIGEST_LENGTH;
}

size_t hash_sha512(const void *data, size_t n, unsigned char out[HASH_MAX])
{
	SHA2_CTX c;

	SHA512Init(&c);
	SHA512Update(&c, data, n);
	SHA512Final(out, &c);
	return SHA512_DIGEST_LENGTH;
}
