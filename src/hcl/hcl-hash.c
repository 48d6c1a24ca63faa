/* MD5 (RFC 1321), SHA-1, SHA-256 and SHA-512 (FIPS 180-4) of what is in memory. All are alike: blocks with the length at the end,
 * mixed into a few words. SHA-256's constants are the upper halves of SHA-512's. */
#include "hcl-hash.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const uint64_t sha_round[80] = {
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538, 0x59f111f1b605d019,
	0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3,
	0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65, 0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
	0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b, 0xa2bfe8a14cf10364, 0xa81a664bbc423001,
	0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb,
	0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b, 0xca273eceea26619c, 0xd186b8c721c0c207,
	0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a,
	0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};
static const uint64_t sha_begin[8] = { 0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
				       0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179 };

static uint32_t hcl_rol32(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }
static uint32_t hcl_ror32(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }
static uint64_t hcl_ror64(uint64_t x, unsigned n) { return x >> n | x << (64 - n); }

/* Calls @mix for each block of @size bytes: the data, 0x80, zeros, and the number of bits in the last 8 bytes. */
static void hash_blocks(const void *data, size_t n, size_t size, bool little, void (*mix)(void *state, const unsigned char *block),
			void *state)
{
	const size_t tail = n % size, ends = tail + 1 + size / 8 > size ? 2 * size : size;
	unsigned char last[256] = { 0 };
	const unsigned char *p = data;

	for (size_t i = 0; i + size <= n; i += size)
		mix(state, p + i);
	if (tail)
		memcpy(last, p + n - tail, tail);
	last[tail] = 0x80;
	for (unsigned i = 0; i < 8; i++)
		last[ends - 1 - i] = (unsigned char)((uint64_t)n * 8 >> (little ? 56 - 8 * i : 8 * i));
	for (size_t i = 0; i < ends; i += size)
		mix(state, last + i);
}

static uint32_t hcl_big32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static uint64_t hcl_big64(const unsigned char *p) { return (uint64_t)hcl_big32(p) << 32 | hcl_big32(p + 4); }

static size_t hash_put_words(const uint32_t *words, size_t n, bool little, unsigned char *out)
{
	for (size_t i = 0; i < 4 * n; i++)
		out[i] = (unsigned char)(words[i / 4] >> (little ? 8 * (i % 4) : 24 - 8 * (i % 4)));
	return 4 * n;
}

static void mix_md5(void *state, const unsigned char *block)
{
	static const unsigned turns[4][4] = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } };
	uint32_t *s = state, a = s[0], b = s[1], c = s[2], d = s[3];

	for (unsigned i = 0; i < 64; i++) {
		const uint32_t f[] = { (b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d) };
		const unsigned word[] = { i, (5 * i + 1) % 16, (3 * i + 5) % 16, 7 * i % 16 };
		const unsigned char *w = block + (size_t)4 * word[i / 16];
		const uint32_t x = (uint32_t)w[3] << 24 | (uint32_t)w[2] << 16 | (uint32_t)w[1] << 8 | w[0];
		const uint32_t sum = a + f[i / 16] + x + (uint32_t)(uint64_t)(fabs(sin(i + 1.0)) * 4294967296.0);

		a = d;
		d = c;
		c = b;
		b += hcl_rol32(sum, turns[i / 16][i % 4]);
	}
	s[0] += a;
	s[1] += b;
	s[2] += c;
	s[3] += d;
}

static void mix_sha1(void *state, const unsigned char *block)
{
	static const uint32_t add[] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
	uint32_t *s = state, w[80], v[5];

	memcpy(v, s, sizeof v);
	for (unsigned i = 0; i < 80; i++) {
		w[i] = i < 16 ? hcl_big32(block + (size_t)4 * i) : hcl_rol32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
		const uint32_t f[] = { (v[1] & v[2]) | (~v[1] & v[3]), v[1] ^ v[2] ^ v[3],
				       (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]), v[1] ^ v[2] ^ v[3] };
		const uint32_t sum = hcl_rol32(v[0], 5) + f[i / 20] + v[4] + add[i / 20] + w[i];

		memmove(v + 1, v, 4 * sizeof *v);
		v[2] = hcl_rol32(v[2], 30);
		v[0] = sum;
	}
	for (unsigned i = 0; i < 5; i++)
		s[i] += v[i];
}

static void mix_sha256(void *state, const unsigned char *block)
{
	uint32_t *s = state, w[64], v[8];

	memcpy(v, s, sizeof v);
	for (unsigned i = 0; i < 64; i++) {
		if (i < 16)
			w[i] = hcl_big32(block + (size_t)4 * i);
		else
			w[i] = w[i - 16] + w[i - 7] + (hcl_ror32(w[i - 15], 7) ^ hcl_ror32(w[i - 15], 18) ^ w[i - 15] >> 3) +
			       (hcl_ror32(w[i - 2], 17) ^ hcl_ror32(w[i - 2], 19) ^ w[i - 2] >> 10);
		const uint32_t one = v[7] + (hcl_ror32(v[4], 6) ^ hcl_ror32(v[4], 11) ^ hcl_ror32(v[4], 25)) +
				     ((v[4] & v[5]) ^ (~v[4] & v[6])) + (uint32_t)(sha_round[i] >> 32) + w[i];
		const uint32_t two = (hcl_ror32(v[0], 2) ^ hcl_ror32(v[0], 13) ^ hcl_ror32(v[0], 22)) +
				     ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += one;
		v[0] = one + two;
	}
	for (unsigned i = 0; i < 8; i++)
		s[i] += v[i];
}

static void mix_sha512(void *state, const unsigned char *block)
{
	uint64_t *s = state, w[80], v[8];

	memcpy(v, s, sizeof v);
	for (unsigned i = 0; i < 80; i++) {
		if (i < 16)
			w[i] = hcl_big64(block + (size_t)8 * i);
		else
			w[i] = w[i - 16] + w[i - 7] + (hcl_ror64(w[i - 15], 1) ^ hcl_ror64(w[i - 15], 8) ^ w[i - 15] >> 7) +
			       (hcl_ror64(w[i - 2], 19) ^ hcl_ror64(w[i - 2], 61) ^ w[i - 2] >> 6);
		const uint64_t one = v[7] + (hcl_ror64(v[4], 14) ^ hcl_ror64(v[4], 18) ^ hcl_ror64(v[4], 41)) +
				     ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha_round[i] + w[i];
		const uint64_t two = (hcl_ror64(v[0], 28) ^ hcl_ror64(v[0], 34) ^ hcl_ror64(v[0], 39)) +
				     ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += one;
		v[0] = one + two;
	}
	for (unsigned i = 0; i < 8; i++)
		s[i] += v[i];
}

size_t hash_md5(const void *data, size_t n, unsigned char out[HASH_MAX])
{
	uint32_t s[] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };

	hash_blocks(data, n, 64, true, mix_md5, s);
	return hash_put_words(s, 4, true, out);
}

size_t hash_sha1(const void *data, size_t n, unsigned char out[HASH_MAX])
{
	uint32_t s[] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };

	hash_blocks(data, n, 64, false, mix_sha1, s);
	return hash_put_words(s, 5, false, out);
}

size_t hash_sha256(const void *data, size_t n, unsigned char out[HASH_MAX])
{
	uint32_t s[8];

	for (unsigned i = 0; i < 8; i++)
		s[i] = (uint32_t)(sha_begin[i] >> 32);
	hash_blocks(data, n, 64, false, mix_sha256, s);
	return hash_put_words(s, 8, false, out);
}

size_t hash_sha512(const void *data, size_t n, unsigned char out[HASH_MAX])
{
	uint64_t s[8];

	memcpy(s, sha_begin, sizeof s);
	hash_blocks(data, n, 128, false, mix_sha512, s);
	for (size_t i = 0; i < 64; i++)
		out[i] = (unsigned char)(s[i / 8] >> (56 - 8 * (i % 8)));
	return 64;
}
