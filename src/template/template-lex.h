/* The words of a template's actions. Internal to template-*.c. */
#pragma once
#include "buf.h"
#include "err.h"
#include <stdbool.h>
#include <stddef.h>

enum token_kind {
	TOKEN_END,  /* of the text */
	TOKEN_TEXT, /* outside of actions */
	TOKEN_OPEN,
	TOKEN_CLOSE, /* {{ and }} */
	TOKEN_WORD,  /* if, json, true, ... */
	TOKEN_DOT,
	TOKEN_FIELD,    /* ".", ".Name" */
	TOKEN_VARIABLE, /* "$", "$x" */
	TOKEN_STRING,
	TOKEN_NUMBER,
	TOKEN_PIPE,
	TOKEN_LEFT,
	TOKEN_RIGHT,
	TOKEN_COMMA,
	TOKEN_DECLARE,
	TOKEN_ASSIGN,
};

struct token {
	enum token_kind kind;
	size_t at;       /* where it begins */
	bool spaced;     /* white space stands before it */
	struct buf text; /* a field's name without its dot, a string without its quotes, ... */
};

struct lex {
	const char *text;
	size_t len, at;
	const char *open, *close; /* of an action */
	bool inside;              /* one */
	bool trim;                /* "-}}" was the last: white space is cut from what follows */
};

/* The next token into *t, which is reused; the caller calls buf_done(&t->text) at the end. */
int lex_next(struct lex *, struct token *t, struct err *err);
/* -ERR_INVALID about what stands at @at of @text. */
int lex_error(const char *text, size_t at, struct err *err, const char *fmt, ...) _printf_(4, 5);
