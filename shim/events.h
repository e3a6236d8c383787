/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells containerd what happens to tasks: a queue that keeps its order, and a ttrpc client
 * that sends one event at a time and goes on with the next when containerd has taken it.
 * While containerd is away it tries again and again; nothing is given up but the oldest
 * events beyond EVENTS_MAX.
 */
#ifndef SHIM_EVENTS_H
#define SHIM_EVENTS_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* Events that wait for containerd; a container makes four. */
#define EVENTS_MAX 16384

/* `address` is containerd's ttrpc socket, with or without "unix://", "" for nobody. Both are borrowed. */
void events_start(const char *address, const char *namespace);

/* "/tasks/start", "containerd.events.TaskStart" and the message; with the time of now. */
void events_publish(const char *topic, const char *type, const ProtobufCMessage *event);

/* Calls back when all events are taken, at once or later, or after timeout_ms. One at a time. */
typedef void events_flushed_fn(void *arg);
void events_flush(int timeout_ms, events_flushed_fn *done, void *arg);

#endif
