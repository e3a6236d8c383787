/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON texts as tables: one line a member says its key, where it goes in a struct, and what values it
 * may have. Reader and writer both walk these tables, so neither can know a member that the other does
 * not. config.json is the largest of them (schema_priv.h).
 */
#ifndef OCI_SPEC_SCHEMA_H
#define OCI_SPEC_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct arena;
struct json_node;
struct json_writer;

enum field_kind {
	FIELD_STR,    /* const char * */
	FIELD_STRS,   /* const char *const *, NULL-terminated */
	FIELD_BOOL,   /* bool, struct oci_bool */
	FIELD_UINT,   /* uint16_t.. uint64_t, struct oci_uX */
	FIELD_INT,    /* int32_t, int64_t, struct oci_iX */
	FIELD_UINTS,  /* const uint32_t * and its count */
	FIELD_AMOUNT, /* uint64_t, and a string with a unit in the text */
	FIELD_WORD,   /* a string that stands for a number: char, int, enum, long */
	FIELD_WORDS,  /* strings that stand for bits: uint32_t, struct oci_u32 */
	FIELD_OBJECT, /* pointer to a struct */
	FIELD_PART,   /* a struct inside the struct */
	FIELD_LIST,   /* pointer to structs and their count */
	FIELD_MAP, /* the same, each with its key as first member; without `of`: struct oci_pair */
};

struct word {
	const char *name;
	long value;
};

struct words {
	const char *what; /* "namespace type", for errors */
	const struct word *list;
	size_t n;
};

/* A number that the text has as a string with a unit. */
struct amount {
	const char *what;			       /* "a duration such as 5s", for errors */
	int (*parse)(const char *text, uint64_t *ret); /* a negative errno */
	const char *unit; /* that of the number, for the way back: "ms"; "": none */
};

/* What is wrong with a string ("is not an absolute path"), NULL when nothing is. */
typedef const char *(*form_fn)(const char *s);

struct field {
	const char *key;
	enum field_kind kind;
	bool required;
	bool zero_given; /* 0 is a value like others, not "not given" */
	bool optional;	 /* the member is a struct oci_X with `set` */
	uint16_t offset;
	uint16_t n_offset; /* of the count */
	uint16_t size;	   /* of the number */
	int64_t min, max;  /* of the number; both 0: whatever the type holds */
	form_fn form;	   /* of strings, of map values */
	form_fn key_form;  /* of map keys */
	const struct words *words;
	const struct amount *amount;
	const struct schema *of;
};

struct schema {
	size_t size;
	const struct field *fields;
	size_t n_fields;
	const char *only; /* what a key is called when no other keys are allowed */
	/* What members are that are not given; NULL: zeros. Of a list's entries and of the whole alone. */
	void (*init)(void *obj);
	/* Checks members against each other and fills in what follows from them. */
	int (*finish)(const struct json_node *n, void *obj, struct err *err);
};

#define FIELD_(kind_, type, member, key_, ...)                                                  \
	{                                                                                       \
		.key = (key_), .kind = (kind_), .offset = offsetof(type, member), ##__VA_ARGS__ \
	}
#define MEMBER_SIZE_(type, member) sizeof(((type *)NULL)->member)

#define STR(type, member, key_, ...)  FIELD_(FIELD_STR, type, member, key_, ##__VA_ARGS__)
#define STRS(type, member, key_, ...) FIELD_(FIELD_STRS, type, member, key_, ##__VA_ARGS__)
#define BOOL(type, member, key_, ...) FIELD_(FIELD_BOOL, type, member, key_, ##__VA_ARGS__)
#define SIZED_(kind_, type, member, key_, ...) \
	FIELD_(kind_, type, member, key_, .size = MEMBER_SIZE_(type, member), ##__VA_ARGS__)
#define UINT(type, member, key_, ...) SIZED_(FIELD_UINT, type, member, key_, ##__VA_ARGS__)
#define INT(type, member, key_, ...)  SIZED_(FIELD_INT, type, member, key_, ##__VA_ARGS__)
#define AMOUNT(type, member, key_, a, ...) \
	SIZED_(FIELD_AMOUNT, type, member, key_, .amount = &(a), ##__VA_ARGS__)
#define WORD(type, member, key_, w, ...) \
	SIZED_(FIELD_WORD, type, member, key_, .words = &(w), ##__VA_ARGS__)
#define WORDS(type, member, key_, w, ...) \
	SIZED_(FIELD_WORDS, type, member, key_, .words = &(w), ##__VA_ARGS__)
/* The member is a struct oci_X; `size` is that of the number in it. */
#define OPT_(kind_, type, member, key_, ...)                \
	FIELD_(kind_, type, member, key_, .optional = true, \
		.size = sizeof(((type *)NULL)->member.value), ##__VA_ARGS__)
#define OPT_BOOL(type, member, key_, ...) OPT_(FIELD_BOOL, type, member, key_, ##__VA_ARGS__)
#define OPT_UINT(type, member, key_, ...) OPT_(FIELD_UINT, type, member, key_, ##__VA_ARGS__)
#define OPT_INT(type, member, key_, ...)  OPT_(FIELD_INT, type, member, key_, ##__VA_ARGS__)
#define OPT_WORDS(type, member, key_, w, ...) \
	OPT_(FIELD_WORDS, type, member, key_, .words = &(w), ##__VA_ARGS__)
#define OBJECT(type, member, key_, schema_, ...) \
	FIELD_(FIELD_OBJECT, type, member, key_, .of = &(schema_), ##__VA_ARGS__)
#define PART(type, member, key_, schema_, ...) \
	FIELD_(FIELD_PART, type, member, key_, .of = &(schema_), ##__VA_ARGS__)
#define COUNTED_(kind_, type, member, key_, ...) \
	FIELD_(kind_, type, member, key_, .n_offset = offsetof(type, n_##member), ##__VA_ARGS__)
#define UINTS(type, member, key_, ...) COUNTED_(FIELD_UINTS, type, member, key_, ##__VA_ARGS__)
#define LIST(type, member, key_, schema_, ...) \
	COUNTED_(FIELD_LIST, type, member, key_, .of = &(schema_), ##__VA_ARGS__)
#define MAP(type, member, key_, schema_, ...) \
	COUNTED_(FIELD_MAP, type, member, key_, .of = &(schema_), ##__VA_ARGS__)
#define PAIRS(type, member, key_, ...) COUNTED_(FIELD_MAP, type, member, key_, ##__VA_ARGS__)

#define SCHEMA(type, fields_, ...)                                                          \
	{                                                                                   \
		.size = sizeof(type), .fields = (fields_), .n_fields = ARRAY_SIZE(fields_), \
		##__VA_ARGS__                                                               \
	}

/* Entry `i` of the list `key`, which was read. */
const struct json_node *entry_node(const struct json_node *n, const char *key, size_t i);

/* Fills the zeroed `obj`; what it points to comes from the arena. */
int tree_read(const struct json_node *n, const struct schema *s, struct arena *arena, void *obj,
	struct err *err);

void tree_write(struct json_writer *w, const struct schema *s, const void *obj);

/*
 * Puts what `change` has into `obj`, which is changed in place; what they point to
 * is shared or comes from the arena. Members of maps go one by one, other lists as a
 * whole. -ENOMEM.
 */
int tree_merge(const struct schema *s, struct arena *arena, void *obj, const void *change,
	struct err *err);

#endif
