/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules of an engine: by resolved name, and by module, since V8 asks "who
 * is this referrer?" with nothing but the module in hand.
 */
#ifndef AWORKER_V8_MODULE_MAP_H
#define AWORKER_V8_MODULE_MAP_H

#include <memory>
#include <stdint.h>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <v8.h>
#include <vector>

struct module_entry {
	std::string name;
	v8::Global<v8::Module> module;
	v8::Global<v8::Value> value; /* what a module exports that is no script */
};

/* An import() whose modules are still being read, or the main module before it runs. */
struct module_wait {
	std::unordered_set<std::string> seen; /* keys that it has asked for */
	size_t missing = 0;		      /* of them have not arrived */
	/* Of an import(): */
	v8::Global<v8::Promise::Resolver> promise;
	v8::Global<v8::Value> continuation;
	std::string specifier, referrer;
	std::string stack; /* where it was called */
	bool json = false;
};

/* A module that the host reads. */
struct module_arrival {
	std::string name;
	bool json;
	std::vector<std::shared_ptr<struct module_wait>> waits;
};

struct module_map {
	/* The key of a JSON module differs from that of a script of the same name. */
	std::unordered_map<std::string, module_entry> by_key;
	std::unordered_multimap<int, module_entry *> by_hash;
	std::unordered_map<uint64_t, struct module_arrival> arrivals; /* by ticket */
	std::unordered_map<std::string, uint64_t> tickets;	      /* by key */
	uint64_t last_ticket = 0;
	std::string main; /* name of the entry */
};

#endif
