/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turf-systemd: asks systemd for a transient scope, in the name of turf, which is
 * static and cannot load libsystemd.
 *
 *   turf-systemd [--user] start UNIT   properties on stdin, ended by an empty line
 *   turf-systemd [--user] set UNIT     properties on stdin, ended by its end
 *   turf-systemd [--user] stop UNIT
 *
 * A property is a line "NAME TYPE VALUE..." in the types of D-Bus that are listed in
 * append_value(). The answer is one line on stdout: "ok", after `start` with the
 * cgroup behind it, or "error" and a sentence.
 *
 * A scope must not be empty: `start` puts this process itself into it and stays until
 * stdin ends, when the container is in. With its caller killed it is gone, too.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/util.h"

#define SERVICE "org.freedesktop.systemd1"
#define OBJECT	"/org/freedesktop/systemd1"
#define MANAGER SERVICE ".Manager"
#define SCOPE	SERVICE ".Scope"

#define LINE_MAX_LEN 65536
#define BYTES_MAX    1024

/* How long systemd may take for a job. */
#define JOB_TIMEOUT_US (30 * UINT64_C(1000000))

static int bus_error(struct err *err, int r, const sd_bus_error *e, const char *what)
{
	if (e && e->message)
		return err_say(err, -r, "systemd: %s: %s", what, e->message);
	return err_set(err, -r, "systemd: %s", what);
}

/* "0f01": the bytes of a mask. */
static int append_bytes(sd_bus_message *m, const char *hex)
{
	uint8_t bytes[BYTES_MAX];
	size_t n = 0;

	for (; hex[0] && hex[1]; hex += 2) {
		unsigned byte;

		if (n == BYTES_MAX || sscanf(hex, "%2x", &byte) != 1)
			return -EINVAL;
		bytes[n++] = (uint8_t)byte;
	}
	return sd_bus_message_append_array(m, 'y', bytes, n);
}

/* "a\tb": a list of strings, of which any may be empty; there is one at least. */
static int append_strings(sd_bus_message *m, char *list)
{
	int r = sd_bus_message_open_container(m, 'a', "s");

	for (char *s; r >= 0 && (s = strsep(&list, "\t"));)
		r = sd_bus_message_append(m, "s", s);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* "NAME WORD": a list of one such pair, for systemd adds up what comes several times. */
static int append_pair(sd_bus_message *m, char *value)
{
	char *second = strchr(value, ' ');

	if (!second)
		return -EINVAL;
	*second++ = '\0';
	return sd_bus_message_append(m, "a(ss)", 1, value, second);
}

/* Integers of less than 32 bits are passed as int. */
static int append_integer(sd_bus_message *m, const char *type, const char *value)
{
	uint64_t n = *value == '-' ? (uint64_t)strtoll(value, NULL, 10)
				   : (uint64_t)strtoull(value, NULL, 10);

	return *type == 'x' || *type == 't' ? sd_bus_message_append(m, type, n)
					    : sd_bus_message_append(m, type, (uint32_t)n);
}

static int append_value(sd_bus_message *m, const char *type, char *value)
{
	if (streq(type, "s"))
		return sd_bus_message_append(m, "s", value);
	if (streq(type, "b"))
		return sd_bus_message_append(m, "b", streq(value, "true"));
	if (streq(type, "d"))
		return sd_bus_message_append(m, "d", strtod(value, NULL));
	if (streq(type, "ay"))
		return append_bytes(m, value);
	if (streq(type, "as"))
		return append_strings(m, value);
	if (streq(type, "a(ss)"))
		return append_pair(m, value);
	if (strlen(type) == 1 && strchr("ynqiuxt", *type))
		return append_integer(m, type, value);
	return -EINVAL;
}

static int append_property(sd_bus_message *m, const char *name, const char *type, char *value)
{
	int r = sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', type);
	if (r >= 0)
		r = append_value(m, type, value);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/*
 * Reads a line, byte by byte: what follows an empty one is not ours to take. 1, 0 at the
 * end of the properties, or a negative errno.
 */
static int read_line(char line[LINE_MAX_LEN])
{
	size_t n = 0;
	ssize_t got;

	while ((got = read(STDIN_FILENO, &line[n], 1)) == 1 && line[n] != '\n')
		if (++n == LINE_MAX_LEN)
			return -EMSGSIZE;
	if (got < 0)
		return -errno;
	line[n] = '\0';
	return n > 0;
}

static int append_line(sd_bus_message *m, char *line, struct err *err)
{
	char *name = strsep(&line, " "), *type = strsep(&line, " ");
	int r = type && line ? append_property(m, name, type, line) : -EINVAL;

	return r < 0 ? err_set(err, -r, "property '%s'", name) : 0;
}

static int append_properties(sd_bus_message *m, struct err *err)
{
	static char line[LINE_MAX_LEN];
	int r;

	while ((r = read_line(line)) > 0)
		if (append_line(m, line, err) < 0)
			return -err->code;
	return r < 0 ? err_set(err, -r, "read the properties") : 0;
}

static int append_self(sd_bus_message *m)
{
	uint32_t pid = (uint32_t)getpid();
	int r = sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", "PIDs");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "au");
	if (r >= 0)
		r = sd_bus_message_append(m, "au", 1, pid);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* A job and how it ended. */
struct job {
	const char *path;
	char result[32];
};

static int on_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct job *job = arg;
	const char *path, *result;

	if (sd_bus_message_read(m, "uoss", NULL, &path, NULL, &result) >= 0 && job->path &&
		streq(path, job->path))
		snprintf(job->result, sizeof(job->result), "%s", result);
	return 0;
}

static int await_job(sd_bus *bus, struct job *job, sd_bus_message *reply, struct err *err)
{
	uint64_t waited = 0;
	int r = sd_bus_message_read(reply, "o", &job->path);

	while (r >= 0 && !*job->result && waited < JOB_TIMEOUT_US) {
		r = sd_bus_process(bus, NULL);
		if (r != 0)
			continue;
		r = sd_bus_wait(bus, 1000000);
		waited += r == 0 ? 1000000 : 0;
	}
	if (r < 0)
		return bus_error(err, r, NULL, "wait for the job");
	if (!*job->result)
		return err_say(err, ETIMEDOUT, "systemd: the job takes too long");
	if (!streq(job->result, "done"))
		return err_say(err, EIO, "systemd: the job ended as '%s'", job->result);
	return 0;
}

/* Sends the call and waits for the job that it starts. */
static int call_job(sd_bus *bus, sd_bus_message *m, const char *what, struct err *err)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct job job = {.path = NULL};
	int r = sd_bus_match_signal(
		bus, NULL, SERVICE, OBJECT, MANAGER, "JobRemoved", on_removed, &job);

	/* Without subscribers systemd says nothing. */
	if (r >= 0)
		r = sd_bus_call_method(
			bus, SERVICE, OBJECT, MANAGER, "Subscribe", &error, NULL, NULL);
	if (r >= 0)
		r = sd_bus_call(bus, m, 0, &error, &reply);
	if (r < 0)
		return bus_error(err, r, &error, what);
	return await_job(bus, &job, reply, err);
}

static int print_cgroup(sd_bus *bus, const char *unit, struct err *err)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *path = NULL, *cgroup = NULL;
	int r = sd_bus_path_encode(OBJECT "/unit", unit, &path);

	if (r >= 0)
		r = sd_bus_get_property_string(
			bus, SERVICE, path, SCOPE, "ControlGroup", &error, &cgroup);
	if (r < 0)
		return bus_error(err, r, &error, "ask for the cgroup of the scope");
	if (*cgroup != '/')
		return err_say(err, EPROTO, "systemd: the scope '%s' has no cgroup", unit);
	printf("ok %s\n", cgroup);
	fflush(stdout);
	return 0;
}

static int do_start(sd_bus *bus, const char *unit, struct err *err)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	char byte;
	int r = sd_bus_message_new_method_call(
		bus, &m, SERVICE, OBJECT, MANAGER, "StartTransientUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = append_self(m);
	if (r < 0)
		return bus_error(err, r, NULL, "StartTransientUnit");
	if (append_properties(m, err) < 0)
		return -err->code;
	r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r < 0)
		return bus_error(err, r, NULL, "StartTransientUnit");
	if (call_job(bus, m, "start the scope", err) < 0 || print_cgroup(bus, unit, err) < 0)
		return -err->code;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

static int do_set(sd_bus *bus, const char *unit, struct err *err)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_message_new_method_call(
		bus, &m, SERVICE, OBJECT, MANAGER, "SetUnitProperties");

	if (r >= 0)
		r = sd_bus_message_append(m, "sb", unit, 1);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0 && append_properties(m, err) < 0)
		return -err->code;
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_call(bus, m, 0, &error, NULL);
	if (r < 0)
		return bus_error(err, r, &error, "set the limits of the scope");
	puts("ok");
	return 0;
}

static int do_stop(sd_bus *bus, const char *unit, struct err *err)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(bus, &m, SERVICE, OBJECT, MANAGER, "StopUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "replace");
	if (r < 0)
		return bus_error(err, r, NULL, "StopUnit");
	r = call_job(bus, m, "stop the scope", err);
	/* A scope goes by itself when its last process does. */
	if (r < 0 && !strstr(err->msg, "not loaded"))
		return r;
	(void)sd_bus_call_method(
		bus, SERVICE, OBJECT, MANAGER, "ResetFailedUnit", NULL, NULL, "s", unit);
	puts("ok");
	return 0;
}

static int run(int argc, char **argv, struct err *err)
{
	static const struct {
		const char *name;
		int (*run)(sd_bus *bus, const char *unit, struct err *err);
	} verbs[] = {{"start", do_start}, {"set", do_set}, {"stop", do_stop}};
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	bool user = argc > 1 && streq(argv[1], "--user");
	char **args = argv + 1 + user;
	int r;

	if (argc - user != 3)
		return err_say(err, EINVAL, "usage: turf-systemd [--user] start|set|stop UNIT");
	if (sd_booted() <= 0)
		return err_say(err, ENOTSUP,
			"systemd does not run here (there is no /run/systemd/system): use the "
			"cgroup manager 'cgroupfs'");
	r = user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus);
	if (r < 0)
		return bus_error(err, r, NULL,
			user ? "connect to the user's instance" : "connect to the system bus");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (streq(args[0], verbs[i].name))
			return verbs[i].run(bus, args[1], err);
	return err_say(err, EINVAL, "unknown verb '%s'", args[0]);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (run(argc, argv, &err) == 0)
		return EXIT_SUCCESS;
	printf("error %s\n", err.msg);
	return EXIT_FAILURE;
}
