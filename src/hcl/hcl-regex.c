/* Thompson's construction and Pike's machine: all ways that can still match go forward together, one character at a time, the
 * preferred ones first, so that there is no going back. A repetition with a count is written out, within the bound of a program. */
#include "hcl-regex.h"
#include "utf8.h"
#include <stdlib.h>
#include <string.h>

enum { PROGRAM_MAX = 4000, REPEAT_MAX = 1000, REGEX_DEPTH_MAX = 50, RANGES_MAX = 64 };

enum regex_op { RE_CHAR, RE_ANY, RE_ANY_BUT_LINE, RE_CLASS, RE_SPLIT, RE_JUMP, RE_SAVE, RE_ASSERT, RE_END };
enum regex_assert { AT_BEGIN, AT_END, AT_LINE_BEGIN, AT_LINE_END, AT_WORD, AT_NO_WORD };

struct regex_class {
	bool negated, folded;
	int n;
	unsigned low[RANGES_MAX], high[RANGES_MAX];
};

struct regex_step {
	enum regex_op op;
	unsigned c;  /* a character; a slot; an assertion */
	bool folded; /* a character of either case */
	int x, y;    /* where it goes on; of a split first x */
	const struct regex_class *class;
};

struct hcl_regex {
	struct regex_step *steps;
	int n, groups;
	const char *names[HCL_GROUPS_MAX];
	size_t name_len[HCL_GROUPS_MAX];
	struct regex_run *run; /* what matching takes, made by the first */
};

struct regex_parser {
	struct hcl *h;
	struct node_place at;
	struct hcl_regex *re;
	const char *p, *end;
	unsigned depth;
	bool fold, multi, dot_all;
	bool bad;
};

static int regex_bad(struct regex_parser *p, const char *why)
{
	if (!p->bad && !p->h->spent)
		(void)hcl_bad(p->h, p->at, "regular expression: %s", why);
	p->bad = true;
	return -1;
}

/* Its index; -1: too many. */
static int hcl_step_new(struct regex_parser *p, enum regex_op op)
{
	if (p->re->n == PROGRAM_MAX)
		return regex_bad(p, "too large");
	p->re->steps[p->re->n] = (struct regex_step){ .op = op, .x = p->re->n + 1 };
	return p->re->n++;
}

static unsigned regex_char(const char **s, const char *end)
{
	const size_t n = utf8_len(*s, (size_t)(end - *s));
	unsigned c = (unsigned char)**s;

	if (n > 1)
		c &= 0xffU >> (n + 1);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)(*s)[i] & 0x3f);
	*s += n ? n : 1;
	return c;
}

static void class_add(struct regex_parser *p, struct regex_class *class, unsigned low, unsigned high)
{
	if (class->n == RANGES_MAX) {
		(void)regex_bad(p, "a class with more than 64 ranges");
		return;
	}
	class->low[class->n] = low;
	class->high[class->n++] = high;
}

/* \d \w \s and their opposites: those are added as what lies between. */
static bool class_letter(struct regex_parser *p, struct regex_class *class, char letter)
{
	static const struct {
		char letter;
		int n;
		unsigned char low[5], high[5]; /* in order */
	} sets[] = { { 'd', 1, { '0' }, { '9' } },
		     { 'w', 4, { '0', 'A', '_', 'a' }, { '9', 'Z', '_', 'z' } },
		     { 's', 3, { '\t', '\f', ' ' }, { '\n', '\r', ' ' } } };
	const char lower = (char)(letter | 0x20);
	unsigned from = 0;

	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		if (sets[i].letter != lower)
			continue;
		for (int k = 0; k < sets[i].n; k++) {
			if (letter == lower)
				class_add(p, class, sets[i].low[k], sets[i].high[k]);
			else if (sets[i].low[k] > from)
				class_add(p, class, from, sets[i].low[k] - 1U);
			from = sets[i].high[k] + 1U;
		}
		if (letter != lower)
			class_add(p, class, from, 0x10ffff);
		return true;
	}
	return false;
}

/* [:alpha:] and the like in a class; p behind "[:". */
static bool class_named(struct regex_parser *p, struct regex_class *class)
{
	static const struct {
		const char *name, *ranges;
	} names[] = { { "alnum:]", "09AZaz" },   { "alpha:]", "AZaz" },    { "digit:]", "09" },
		      { "lower:]", "az" },       { "upper:]", "AZ" },      { "space:]", "\t\r  " },
		      { "punct:]", "!/:@[`{~" }, { "word:]", "09AZaz__" }, { "xdigit:]", "09AFaf" } };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const size_t n = strlen(names[i].name);

		if ((size_t)(p->end - p->p) < n || memcmp(p->p, names[i].name, n) != 0)
			continue;
		for (const char *r = names[i].ranges; *r; r += 2)
			class_add(p, class, (unsigned char)r[0], (unsigned char)r[1]);
		p->p += n;
		return true;
	}
	return false;
}

static int hcl_hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* \xHH, \x{H...}; p behind the x. */
static unsigned hcl_escape_hex(struct regex_parser *p)
{
	const bool brace = p->p < p->end && *p->p == '{';
	unsigned c = 0;
	int n = 0;

	p->p += brace;
	while (p->p < p->end && hcl_hex_value(*p->p) >= 0 && n < (brace ? 6 : 2)) {
		c = c << 4 | (unsigned)hcl_hex_value(*p->p++);
		n++;
	}
	if (!n || (brace && (p->p == p->end || *p->p++ != '}')) || (!brace && n < 2))
		(void)regex_bad(p, "\\x wants two hexadecimal digits, or some in braces");
	return c;
}

/* A character that a backslash stands before; p behind the backslash. */
static unsigned regex_escape(struct regex_parser *p)
{
	static const char from[] = "nrtfva", to[] = "\n\r\t\f\v\a";
	const char *at;

	if (p->p == p->end)
		return (unsigned)regex_bad(p, "a backslash at the end");
	at = strchr(from, *p->p);
	if (at) {
		p->p++;
		return (unsigned char)to[at - from];
	}
	if (*p->p == 'x') {
		p->p++;
		return hcl_escape_hex(p);
	}
	if (!strchr("\\.+*?()|[]{}^$/-\"'#&~!@%,:;<>=`_ ", *p->p))
		(void)regex_bad(p, "unknown escape");
	return regex_char(&p->p, p->end);
}

static unsigned class_char(struct regex_parser *p)
{
	if (*p->p != '\\')
		return regex_char(&p->p, p->end);
	p->p++;
	return regex_escape(p);
}

/* One character, range or named set of a class. */
static void class_item(struct regex_parser *p, struct regex_class *class)
{
	unsigned low, high;

	if (p->end - p->p > 1 && p->p[0] == '[' && p->p[1] == ':') {
		p->p += 2;
		if (!class_named(p, class))
			(void)regex_bad(p, "unknown [:name:]");
		return;
	}
	if (p->end - p->p > 1 && *p->p == '\\' && class_letter(p, class, p->p[1])) {
		p->p += 2;
		return;
	}
	low = high = class_char(p);
	if (p->end - p->p > 1 && *p->p == '-' && p->p[1] != ']') {
		p->p++;
		high = class_char(p);
	}
	if (high < low)
		(void)regex_bad(p, "a range whose end comes first");
	class_add(p, class, low, high);
}

static int parse_class(struct regex_parser *p)
{
	struct regex_class *class = hcl_new(p->h, struct regex_class);
	int step = class ? hcl_step_new(p, RE_CLASS) : -1;
	bool first = true;

	if (step < 0)
		return -1;
	p->p++;
	class->folded = p->fold;
	if (p->p < p->end && *p->p == '^') {
		class->negated = true;
		p->p++;
	}
	while (!p->bad && p->p < p->end && (first || *p->p != ']')) {
		class_item(p, class);
		first = false;
	}
	if (p->p == p->end)
		return regex_bad(p, "\"]\" is missing");
	p->p++;
	p->re->steps[step].class = class;
	return p->bad ? -1 : 0;
}

static int parse_alternatives(struct regex_parser *p);

/* (?i) and the like, to the end of the group; p behind "(?". */
static int parse_flags(struct regex_parser *p)
{
	bool on = true;

	for (; p->p < p->end && *p->p != ')' && *p->p != ':'; p->p++) {
		if (*p->p == '-')
			on = false;
		else if (*p->p == 'i')
			p->fold = on;
		else if (*p->p == 'm')
			p->multi = on;
		else if (*p->p == 's')
			p->dot_all = on;
		else
			return regex_bad(p, "unknown flag: there are i, m, s");
	}
	return p->p == p->end ? regex_bad(p, "\")\" is missing") : 0;
}

static int hcl_group_name(struct regex_parser *p, int group)
{
	const char *begin = p->p;

	while (p->p < p->end && *p->p != '>')
		p->p++;
	if (p->p == p->end || p->p == begin)
		return regex_bad(p, "a group's name ends with \">\"");
	p->re->names[group] = begin;
	p->re->name_len[group] = (size_t)(p->p++ - begin);
	return 0;
}

static bool regex_takes(struct regex_parser *p, const char *text)
{
	const size_t n = strlen(text);

	if ((size_t)(p->end - p->p) < n || memcmp(p->p, text, n) != 0)
		return false;
	p->p += n;
	return true;
}

/* At "(". */
static int parse_group(struct regex_parser *p)
{
	const bool fold = p->fold, multi = p->multi, dot_all = p->dot_all;
	int group = 0, step;

	p->p++;
	if (regex_takes(p, "?P<") || regex_takes(p, "?<")) {
		group = p->re->groups + 1;
		if (group < HCL_GROUPS_MAX && hcl_group_name(p, group) < 0)
			return -1;
	} else if (regex_takes(p, "?")) {
		if (parse_flags(p) < 0)
			return -1;
		if (*p->p++ == ')')
			return 0;
	} else {
		group = p->re->groups + 1;
	}
	if (group >= HCL_GROUPS_MAX || ++p->depth > REGEX_DEPTH_MAX)
		return regex_bad(p, "too many groups");
	if (group) {
		p->re->groups = group;
		step = hcl_step_new(p, RE_SAVE);
		if (step < 0)
			return -1;
		p->re->steps[step].c = 2U * (unsigned)group;
	}
	if (parse_alternatives(p) < 0)
		return -1;
	if (!regex_takes(p, ")"))
		return regex_bad(p, "\")\" is missing");
	if (group) {
		step = hcl_step_new(p, RE_SAVE);
		if (step < 0)
			return -1;
		p->re->steps[step].c = 2U * (unsigned)group + 1;
	}
	p->depth--;
	p->fold = fold;
	p->multi = multi;
	p->dot_all = dot_all;
	return 0;
}

static int hcl_step_assert(struct regex_parser *p, enum regex_assert what)
{
	const int step = hcl_step_new(p, RE_ASSERT);

	if (step >= 0)
		p->re->steps[step].c = what;
	return step < 0 ? -1 : 0;
}

static int hcl_step_char(struct regex_parser *p, unsigned c)
{
	const int step = hcl_step_new(p, RE_CHAR);

	if (step < 0 || p->bad)
		return -1;
	p->re->steps[step].c = c;
	p->re->steps[step].folded = p->fold;
	return 0;
}

/* At a backslash outside of a class. */
static int parse_regex_escape(struct regex_parser *p)
{
	static const char letters[] = "bBAz";
	static const enum regex_assert asserts[] = { AT_WORD, AT_NO_WORD, AT_BEGIN, AT_END };
	const char letter = p->end - p->p > 1 ? p->p[1] : '\0', *at = letter ? strchr(letters, letter) : NULL;

	if (at) {
		p->p += 2;
		return hcl_step_assert(p, asserts[at - letters]);
	}
	if (letter && strchr("dwsDWS", letter)) {
		struct regex_class *class = hcl_new(p->h, struct regex_class);
		const int step = class ? hcl_step_new(p, RE_CLASS) : -1;

		if (step < 0)
			return -1;
		(void)class_letter(p, class, letter);
		p->re->steps[step].class = class;
		p->p += 2;
		return 0;
	}
	p->p++;
	return hcl_step_char(p, regex_escape(p));
}

static int parse_atom(struct regex_parser *p)
{
	switch (*p->p) {
	case '(': return parse_group(p);
	case '[': return parse_class(p);
	case '\\': return parse_regex_escape(p);
	case '.': p->p++; return hcl_step_new(p, p->dot_all ? RE_ANY : RE_ANY_BUT_LINE) < 0 ? -1 : 0;
	case '^': p->p++; return hcl_step_assert(p, p->multi ? AT_LINE_BEGIN : AT_BEGIN);
	case '$': p->p++; return hcl_step_assert(p, p->multi ? AT_LINE_END : AT_END);
	case '*':
	case '+':
	case '?': return regex_bad(p, "a repetition of nothing");
	default: return hcl_step_char(p, regex_char(&p->p, p->end));
	}
}

/* {N}, {N,}, {N,M}; false: it is a brace as such. *@most -1: without end. */
static bool parse_count(struct regex_parser *p, int *least, int *most)
{
	const char *s = p->p + 1;
	int n = 0, digits = 0;

	for (; s < p->end && *s >= '0' && *s <= '9' && n <= REPEAT_MAX; s++, digits++)
		n = 10 * n + *s - '0';
	*least = *most = n;
	if (!digits)
		return false;
	if (s < p->end && *s == ',') {
		s++;
		for (digits = 0, n = 0; s < p->end && *s >= '0' && *s <= '9' && n <= REPEAT_MAX; s++, digits++)
			n = 10 * n + *s - '0';
		*most = digits ? n : -1;
	}
	if (s == p->end || *s != '}')
		return false;
	p->p = s + 1;
	if (*least > REPEAT_MAX || *most > REPEAT_MAX || (*most >= 0 && *most < *least))
		(void)regex_bad(p, "a count is at most 1000, and its end not below its beginning");
	return true;
}

/* The steps from @from on once more behind the last. */
static int hcl_copy_steps(struct regex_parser *p, int from, int n)
{
	const int by = p->re->n - from;

	for (int i = from; i < from + n; i++) {
		const int step = hcl_step_new(p, RE_JUMP);

		if (step < 0)
			return -1;
		p->re->steps[step] = p->re->steps[i];
		p->re->steps[step].x += by;
		p->re->steps[step].y += by;
	}
	return 0;
}

/* A split before the steps from @from on: they move. */
static int hcl_insert_split(struct regex_parser *p, int from)
{
	struct regex_step *steps = p->re->steps;

	if (hcl_step_new(p, RE_SPLIT) < 0)
		return -1;
	for (int i = p->re->n - 1; i > from; i--) {
		steps[i] = steps[i - 1];
		steps[i].x += steps[i].x >= from;
		steps[i].y += steps[i].y >= from;
	}
	steps[from] = (struct regex_step){ .op = RE_SPLIT, .x = from + 1 };
	return 0;
}

static void hcl_split_to(struct regex_parser *p, int split, int into, int past, bool lazy)
{
	p->re->steps[split].x = lazy ? past : into;
	p->re->steps[split].y = lazy ? into : past;
}

/* X* as L: split X, end; X; jump L. X? without the jump. */
static int hcl_repeat_open(struct regex_parser *p, int from, bool again, bool lazy)
{
	int jump = 0;

	if (hcl_insert_split(p, from) < 0)
		return -1;
	if (again) {
		jump = hcl_step_new(p, RE_JUMP);
		if (jump < 0)
			return -1;
		p->re->steps[jump].x = from;
	}
	hcl_split_to(p, from, from + 1, p->re->n, lazy);
	return 0;
}

/* The atom's steps, from @from on, @least to @most times. */
static int hcl_repeat_steps(struct regex_parser *p, int from, int least, int most, bool lazy)
{
	const int n = p->re->n - from;
	struct regex_step *atom = hcl_array(p->h, struct regex_step, n);

	if (!atom)
		return -1;
	memcpy(atom, p->re->steps + from, (size_t)n * sizeof *atom);
	for (int i = 1; i < least; i++)
		if (hcl_copy_steps(p, from, n) < 0)
			return -1;
	if (!least)
		p->re->n = from;
	for (int i = least; most < 0 ? i <= least : i < most; i++) {
		const int begin = p->re->n, by = begin - from;

		for (int k = 0; k < n; k++) {
			const int step = hcl_step_new(p, RE_JUMP);

			if (step < 0)
				return -1;
			p->re->steps[step] = atom[k];
			p->re->steps[step].x += by;
			p->re->steps[step].y += by;
		}
		if (hcl_repeat_open(p, begin, most < 0, lazy) < 0)
			return -1;
	}
	return 0;
}

static int parse_repeat(struct regex_parser *p)
{
	const int from = p->re->n;
	int least = 0, most = -1;

	if (parse_atom(p) < 0)
		return -1;
	if (p->p == p->end)
		return 0;
	if (*p->p == '{') {
		if (!parse_count(p, &least, &most))
			return 0;
	} else if (strchr("*+?", *p->p)) {
		least = *p->p == '+';
		most = *p->p++ == '?' ? 1 : -1;
	} else {
		return 0;
	}
	if (p->bad || hcl_repeat_steps(p, from, least, most, regex_takes(p, "?")) < 0)
		return -1;
	return p->p < p->end && strchr("*+?", *p->p) ? regex_bad(p, "a repetition of a repetition") : 0;
}

/* A|B|C: a split before each but the last, a jump to the end behind it; until the end is known a jump's @y is the one before it. */
static int parse_alternatives(struct regex_parser *p)
{
	int from = p->re->n, jump = -1;

	for (;;) {
		int next;

		while (p->p < p->end && *p->p != '|' && *p->p != ')')
			if (parse_repeat(p) < 0)
				return -1;
		if (!regex_takes(p, "|"))
			break;
		if (hcl_insert_split(p, from) < 0)
			return -1;
		next = hcl_step_new(p, RE_JUMP);
		if (next < 0)
			return -1;
		p->re->steps[next].y = jump;
		jump = next;
		hcl_split_to(p, from, from + 1, p->re->n, false);
		from = p->re->n;
	}
	while (jump >= 0) {
		p->re->steps[jump].x = p->re->n;
		jump = p->re->steps[jump].y;
	}
	return 0;
}

static int regex_save(struct regex_parser *p, unsigned slot)
{
	const int step = hcl_step_new(p, RE_SAVE);

	if (step >= 0)
		p->re->steps[step].c = slot;
	return step < 0 ? -1 : 0;
}

struct hcl_regex *hcl_regex_compile(struct hcl *h, struct node_place at, const char *pattern)
{
	struct hcl_regex *re = hcl_new(h, struct hcl_regex);
	struct regex_parser p = { .h = h, .at = at, .re = re, .p = pattern, .end = pattern + strlen(pattern) };

	if (re)
		re->steps = hcl_array(h, struct regex_step, PROGRAM_MAX);
	if (!re || !re->steps || hcl_spend(h, (size_t)(p.end - p.p) + PROGRAM_MAX / 8) < 0)
		return NULL;
	if (regex_save(&p, 0) < 0 || parse_alternatives(&p) < 0)
		return NULL;
	if (p.p < p.end) {
		(void)regex_bad(&p, "\")\" without \"(\" before it");
		return NULL;
	}
	if (regex_save(&p, 1) < 0 || hcl_step_new(&p, RE_END) < 0 || hcl_spend(h, (size_t)re->n) < 0)
		return NULL;
	return re;
}

int hcl_regex_group(const struct hcl_regex *re, const char *name, size_t n)
{
	int number = 0;

	if (strspn(name, "0123456789") >= n) {
		for (size_t i = 0; i < n && number < HCL_GROUPS_MAX; i++)
			number = 10 * number + name[i] - '0';
		return number <= re->groups ? number : -1;
	}
	for (int i = 1; i <= re->groups; i++)
		if (re->names[i] && re->name_len[i] == n && !memcmp(re->names[i], name, n))
			return i;
	return -1;
}

/* Ways that go on: steps in the order in which they are preferred, each with what its groups have. */
struct regex_ways {
	int n;
	int *steps, *slots;
	unsigned *marks; /* by step: the round in which it was added */
};

/* What is left to follow at one place: a step, or (@step -1) a slot to be put back. */
struct regex_todo {
	int step, slot, was;
};

struct regex_run {
	const struct hcl_regex *re;
	const char *text;
	int n, n_slots;
	unsigned round;
	struct regex_ways now, next;
	struct regex_todo *todo;
	int *slots; /* of the way that is followed */
	size_t work;
};

static struct regex_run *hcl_run_new(struct hcl *h, struct hcl_regex *re)
{
	struct regex_run *run = hcl_new(h, struct regex_run);
	const size_t n = (size_t)re->n, slots = 2 * (size_t)re->groups + 2;
	struct regex_ways *ways[2];

	if (!run)
		return NULL;
	*run = (struct regex_run){ .re = re, .n_slots = (int)slots };
	ways[0] = &run->now;
	ways[1] = &run->next;
	for (size_t i = 0; i < 2; i++) {
		ways[i]->steps = hcl_array(h, int, n);
		ways[i]->slots = hcl_array(h, int, n *slots);
		ways[i]->marks = hcl_array(h, unsigned, n);
		if (!ways[i]->steps || !ways[i]->slots || !ways[i]->marks)
			return NULL;
	}
	run->todo = hcl_array(h, struct regex_todo, 2 * n + 2);
	run->slots = hcl_array(h, int, slots);
	return run->todo && run->slots ? run : NULL;
}

static bool hcl_at_word_char(const struct regex_run *run, int at)
{
	const char c = at >= 0 && at < run->n ? run->text[at] : ' ';

	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool hcl_assert_holds(const struct regex_run *run, enum regex_assert what, int at)
{
	switch (what) {
	case AT_BEGIN: return at == 0;
	case AT_END: return at == run->n;
	case AT_LINE_BEGIN: return at == 0 || run->text[at - 1] == '\n';
	case AT_LINE_END: return at == run->n || run->text[at] == '\n';
	case AT_WORD:
	case AT_NO_WORD: break;
	}
	return (hcl_at_word_char(run, at - 1) != hcl_at_word_char(run, at)) == (what == AT_WORD);
}

/* From @step on, without taking a character: all steps that take one become ways, with the slots of run->slots. */
static void regex_follow(struct regex_run *run, struct regex_ways *ways, int first, int at)
{
	struct regex_todo *todo = run->todo;
	int n = 0;

	todo[n++] = (struct regex_todo){ .step = first };
	while (n) {
		const struct regex_todo one = todo[--n];
		const struct regex_step *step = &run->re->steps[one.step < 0 ? 0 : one.step];

		run->work++;
		if (one.step < 0) {
			run->slots[one.slot] = one.was;
			continue;
		}
		if (ways->marks[one.step] == run->round)
			continue;
		ways->marks[one.step] = run->round;
		if (step->op == RE_SPLIT) {
			todo[n++] = (struct regex_todo){ .step = step->y };
			todo[n++] = (struct regex_todo){ .step = step->x };
		} else if (step->op == RE_SAVE) {
			todo[n++] = (struct regex_todo){ .step = -1, .slot = (int)step->c, .was = run->slots[step->c] };
			run->slots[step->c] = at;
			todo[n++] = (struct regex_todo){ .step = step->x };
		} else if (step->op == RE_JUMP ||
			   (step->op == RE_ASSERT && hcl_assert_holds(run, (enum regex_assert)step->c, at))) {
			todo[n++] = (struct regex_todo){ .step = step->x };
		} else if (step->op != RE_ASSERT) {
			memcpy(ways->slots + (size_t)ways->n * (size_t)run->n_slots, run->slots,
			       (size_t)run->n_slots * sizeof *run->slots);
			ways->steps[ways->n++] = one.step;
		}
	}
}

static unsigned hcl_fold_char(unsigned c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

static bool class_has(const struct regex_class *class, unsigned c)
{
	for (int i = 0; i < class->n; i++) {
		const unsigned small = hcl_fold_char(c), large = c >= 'a' && c <= 'z' ? c - 32 : c;

		if (c >= class->low[i] && c <= class->high[i])
			return true;
		if (class->folded &&
		    ((small >= class->low[i] && small <= class->high[i]) || (large >= class->low[i] && large <= class->high[i])))
			return true;
	}
	return false;
}

static bool hcl_step_takes(const struct regex_step *step, unsigned c)
{
	if (step->op == RE_ANY || (step->op == RE_ANY_BUT_LINE && c != '\n'))
		return true;
	if (step->op == RE_CLASS)
		return class_has(step->class, c) != step->class->negated;
	return step->op == RE_CHAR && (step->c == c || (step->folded && hcl_fold_char(step->c) == hcl_fold_char(c)));
}

/* One character on, for all ways that there are. True: one of them has come to its end; those after it are not preferred. */
static bool hcl_run_character(struct regex_run *run, unsigned c, bool end, int behind, int *slots)
{
	run->next.n = 0;
	run->round++;
	for (int i = 0; i < run->now.n; i++) {
		const struct regex_step *step = &run->re->steps[run->now.steps[i]];
		const int *mine = run->now.slots + (size_t)i * (size_t)run->n_slots;

		run->work += 1 + (size_t)(step->op == RE_CLASS ? step->class->n : 0) / 4;
		if (step->op == RE_END) {
			memcpy(slots, mine, (size_t)run->n_slots * sizeof *slots);
			return true;
		}
		if (end || !hcl_step_takes(step, c))
			continue;
		memcpy(run->slots, mine, (size_t)run->n_slots * sizeof *slots);
		regex_follow(run, &run->next, step->x, behind);
	}
	return false;
}

static struct regex_run *hcl_run_begin(struct hcl *h, struct hcl_regex *re, const char *text, int n)
{
	if (!re->run)
		re->run = hcl_run_new(h, re);
	if (!re->run)
		return NULL;
	re->run->text = text;
	re->run->n = n;
	re->run->now.n = re->run->next.n = 0;
	re->run->round++;
	return re->run;
}

int hcl_regex_match(struct hcl *h, struct hcl_regex *re, const char *text, int n, int from, struct hcl_match *ret)
{
	struct regex_run *run = hcl_run_begin(h, re, text, n);
	int slots[2 * HCL_GROUPS_MAX], at = from;
	bool found = false;

	if (!run)
		return -ERR_EXHAUSTED;
	for (;;) {
		const char *p = text + at;
		const unsigned c = at < n ? regex_char(&p, text + n) : 0;
		struct regex_ways was;

		if (!found) {
			memset(run->slots, 0xff, (size_t)run->n_slots * sizeof *run->slots);
			regex_follow(run, &run->now, 0, at);
		}
		found |= hcl_run_character(run, c, at == n, (int)(p - text), slots);
		if (hcl_spend(h, run->work / 4 + 1) < 0)
			return -ERR_EXHAUSTED;
		run->work = 0;
		was = run->now;
		run->now = run->next;
		run->next = was;
		if (at == n || (found && !run->now.n))
			break;
		at = (int)(p - text);
	}
	for (int i = 0; found && i < HCL_GROUPS_MAX; i++) {
		ret->begin[i] = i <= re->groups ? slots[2 * i] : -1;
		ret->end[i] = i <= re->groups ? slots[2 * i + 1] : -1;
	}
	return found;
}
