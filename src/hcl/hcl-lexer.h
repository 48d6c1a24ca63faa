/* The tokens of HCL, outside of templates; what a quote or a heredoc opens is read by hcl-template.c from where the token ended. */
#pragma once
#include "hcl-run.h"

enum hcl_token_kind {
	/* punctuation of one character is that character; '\n' ends a line */
	TOKEN_END = 256,
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_QUOTE,
	TOKEN_HEREDOC, /* <<NAME or <<-NAME and the end of its line */
	TOKEN_EQ,
	TOKEN_NE,
	TOKEN_GE,
	TOKEN_LE,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_SPREAD, /* ... */
	TOKEN_ARROW,  /* => */
	TOKEN_COLONS, /* :: */
	TOKEN_TRIM,   /* ~} */
	TOKEN_BAD,    /* the error is set */
};

struct hcl_token {
	int kind;
	const char *begin, *end;
	struct node_place at;
};

struct hcl_lexer {
	struct hcl *h;
	const char *p, *end, *line_begin;
	uint32_t line;
	struct hcl_token next;
	bool has_next;
	bool skip_lines; /* ends of lines are white space */
};

int hcl_lexer_init(struct hcl_lexer *, struct hcl *, const char *data, size_t len); /* -ERR_INVALID: it is not UTF-8 */
const struct hcl_token *hcl_peek(struct hcl_lexer *);
struct hcl_token hcl_read_token(struct hcl_lexer *);
/* Ends of lines are white space from here on, or no longer; returns how it was. */
bool hcl_skip_lines(struct hcl_lexer *, bool skip);

struct node_place hcl_place(const struct hcl_lexer *, const char *p); /* on the lexer's line */
void hcl_new_line(struct hcl_lexer *, const char *begin);             /* p is at its beginning, @begin */
bool hcl_is_name(const struct hcl_token *, const char *);
/* For errors: "a number", "\"}\"", "the end of the line". */
const char *hcl_token_name(const struct hcl_token *, char room[32]);

/* Bytes of white space (Unicode's, as Go has it) at the beginning and at the end. */
size_t hcl_spaces_before(const char *s, size_t n);
size_t hcl_spaces_behind(const char *s, size_t n);
