/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What config.json looks like, as tables: one line a member says its key, where it
 * goes in the structs of config.h, and what values it may have. Reader and writer
 * both walk these tables, so neither can know a member that the other does not.
 */
#ifndef OCI_SPEC_SCHEMA_PRIV_H
#define OCI_SPEC_SCHEMA_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci-spec/config.h"

struct json_node;

enum field_kind {
	FIELD_STR,    /* const char * */
	FIELD_STRS,   /* const char *const *, NULL-terminated */
	FIELD_BOOL,   /* bool, struct oci_bool */
	FIELD_UINT,   /* uint16_t.. uint64_t, struct oci_uX */
	FIELD_INT,    /* int32_t, int64_t, struct oci_iX */
	FIELD_UINTS,  /* const uint32_t * and its count */
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
	const struct schema *of;
};

struct schema {
	size_t size;
	const struct field *fields;
	size_t n_fields;
	const char *only; /* what a key is called when no other keys are allowed */
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

/* One table a file of the specification or large part of it. */
extern const struct schema schema_config;
extern const struct schema schema_process;
extern const struct schema schema_linux;
extern const struct schema schema_resources;
extern const struct schema schema_seccomp;
extern const struct schema schema_id_mapping;
extern const struct schema schema_hooks;

extern const struct words namespace_types;
extern const struct words mempolicy_modes;
extern const struct words mempolicy_flags;
extern const struct words seccomp_actions;
extern const struct words seccomp_ops;
extern const struct words seccomp_archs;
extern const struct words seccomp_flags;

/* Forms */
const char *form_absolute(const char *s);
const char *form_env(const char *s);
const char *form_number_list(const char *s);
const char *form_file_name(const char *s);
const char *form_interface(const char *s);
const char *form_not_empty(const char *s);

/* Entry `i` of the list `key`, which was read. */
const struct json_node *entry_node(const struct json_node *n, const char *key, size_t i);

/* The value of member `f` of `obj` as the kind's own type. */
static inline const void *field_at(const struct field *f, const void *obj)
{
	return (const char *)obj + f->offset;
}

/* Where the number itself is: behind `set`, which takes as much room as the number is aligned. */
static inline const void *field_number(const struct field *f, const void *obj)
{
	return (const char *)obj + f->offset + (f->optional ? f->size : 0);
}

static inline size_t field_count(const struct field *f, const void *obj)
{
	return *(const size_t *)((const char *)obj + f->n_offset);
}

#endif
