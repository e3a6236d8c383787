/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules of an engine: by resolved name, and by module, since V8 asks "who
 * is this referrer?" with nothing but the module in hand.
 */
#ifndef AWORKER_V8_MODULE_MAP_H
#define AWORKER_V8_MODULE_MAP_H

#include <string>
#include <unordered_map>

#include <v8.h>

struct module_entry {
	std::string name;
	v8::Global<v8::Module> module;
	v8::Global<v8::Value> value; /* what a module exports that is no script */
};

struct module_map {
	/* The key of a JSON module differs from that of a script of the same name. */
	std::unordered_map<std::string, module_entry> by_key;
	std::unordered_multimap<int, module_entry *> by_hash;
	std::string main; /* name of the entry */
};

#endif
