// SPDX-License-Identifier: Apache-2.0
// BroadcastChannel (HTML, section 9.5). All channels of a name are in this process, so a message
// reaches the others by tasks. One that somebody listens to lives until it is closed; it does not
// keep the worker alive, for no message can come from elsewhere.
'use strict';

const { usvString, domString, requireArguments, expose } = internals.webidl;
const { EventTarget, DOMException, Receiver } = internals;

const NO_PORTS = Object.freeze([]);

// name -> members, in the order of their creation
const channels = new Map();
// As for all that is kept by name: dead members are looked for when there are twice as many.
const SWEEP_MIN = 32;

class Channels {
	members = [];
	sweepAt = SWEEP_MIN;

	add(member) {
		if (this.members.length >= this.sweepAt) {
			this.members = this.members.filter((m) => m.receiver.target !== undefined);
			this.sweepAt = Math.max(SWEEP_MIN, this.members.length * 2);
		}
		this.members.push(member);
	}
}

class BroadcastChannel extends EventTarget {
	#name;
	#member;

	constructor(name) {
		requireArguments(arguments.length, 1, 'BroadcastChannel');
		super();
		this.#name = name = domString(name);
		this.#member = { receiver: new Receiver(this, ['message', 'messageerror']), closed: false };
		let list = channels.get(name);
		if (!list)
			channels.set(name, list = new Channels());
		list.add(this.#member);
	}

	get name() {
		return this.#name;
	}

	postMessage(message) {
		void this.#name;
		requireArguments(arguments.length, 1, 'postMessage');
		if (this.#member.closed)
			throw new DOMException('postMessage: the BroadcastChannel is closed', 'InvalidStateError');
		const { value } = internals.cloneWithTransfer(message, []);
		let taken = false;
		const frame = internals.asyncFrame();
		const origin = usvString(globalThis.origin);
		channels.get(this.#name).members.forEach((member) => {
			if (member === this.#member)
				return;
			// Each gets a copy of its own.
			const data = taken ? internals.cloneWithTransfer(value, []).value : value;
			taken = true;
			internals.startTimer(() => deliver(member, data, origin, frame), 0);
		});
	}

	close() {
		void this.#name;
		if (this.#member.closed)
			return;
		this.#member.closed = true;
		const list = channels.get(this.#name);
		list.members = list.members.filter((member) => member !== this.#member);
		if (list.members.length === 0)
			channels.delete(this.#name);
	}
}

function deliver(member, data, origin, frame) {
	const target = member.closed ? undefined : member.receiver.target;
	if (target)
		internals.asyncCall(frame, internals.fireMessage, undefined,
			[target, data, origin, NO_PORTS]);
}

for (const type of ['message', 'messageerror'])
	internals.defineHandler(BroadcastChannel.prototype, type);
expose(BroadcastChannel);
