// SPDX-License-Identifier: Apache-2.0
// Streams in a transfer list (WHATWG Streams, section 8.2): the stream stays where it was and is
// piped into a channel, at whose other end a new one is made. Chunks are copied on their way.
'use strict';

const { markHandled, promiseThen } = internals.primordials;
const { DOMException } = internals;
const S = internals.streams;

const PIPE = { preventClose: false, preventAbort: false, preventCancel: false, signal: undefined };

function send(end, type, value) {
	end.peer?.post({ data: { type, value }, ports: null, frame: undefined });
}

// What cannot be copied is thrown, and the other side fails by the same error.
function sendCopy(end, type, value) {
	let copy;
	try {
		copy = internals.cloneWithTransfer(value, []).value;
	} catch (error) {
		send(end, 'error', error);
		throw error;
	}
	send(end, type, copy);
}

function finish(end) {
	if (end.peer)
		end.peer = end.peer.peer = null;
}

// Reason of an abort or a cancel, which is sent whatever happens.
function sendReason(end, reason) {
	try {
		sendCopy(end, 'error', reason);
		return S.nothing();
	} catch (error) {
		return S.rejectedWith(error);
	} finally {
		finish(end);
	}
}

function writableInto(end) {
	let pressure = S.deferred(); // until the other side pulls
	const write = (chunk) => promiseThen(pressure.promise, () => {
		pressure = S.deferred();
		try {
			sendCopy(end, 'chunk', chunk);
		} catch (error) {
			finish(end);
			throw error;
		}
	});
	const close = () => {
		send(end, 'close');
		finish(end);
		return S.nothing();
	};
	const stream = S.createWritable(() => undefined, write, close,
		(reason) => sendReason(end, reason));
	end.sink = ({ type, value }) => {
		if (type === 'error')
			S.writableErrorIfNeeded(stream.controller, value);
		if (type === 'error' || type === 'pull')
			pressure.resolve();
	};
	end.enable();
	return stream;
}

function readableFrom(end) {
	const pull = () => {
		send(end, 'pull');
		return undefined;
	};
	const stream = S.createReadable(() => undefined, pull, (reason) => sendReason(end, reason), 0);
	end.sink = ({ type, value }) => {
		if (type === 'chunk')
			S.controllerEnqueue(stream.controller, value);
		else if (type === 'close')
			S.controllerClose(stream.controller);
		else
			S.controllerError(stream.controller, value);
		if (type !== 'chunk')
			finish(end);
	};
	end.enable();
	return stream;
}

function refuseLocked(locked) {
	if (locked)
		throw new DOMException('A stream of the transfer list is locked', 'DataCloneError');
}

function moveReadable(stream) {
	const { here, there } = internals.newChannel();
	markHandled(S.pipeTo(stream, writableInto(here), PIPE));
	return readableFrom(there);
}

function moveWritable(stream) {
	const { here, there } = internals.newChannel();
	markHandled(S.pipeTo(readableFrom(here), stream, PIPE));
	return writableInto(there);
}

internals.transferables.push({
	is: S.isReadable,
	transfer(object) {
		const stream = S.readableState(object);
		refuseLocked(S.isReadableLocked(stream));
		return moveReadable(stream).wrapper;
	},
}, {
	is: S.isWritable,
	transfer(object) {
		const stream = S.writableState(object);
		refuseLocked(S.isWritableLocked(stream));
		return moveWritable(stream).wrapper;
	},
}, {
	is: S.isTransform,
	transfer(object) {
		const { readable, writable } = S.transformState(object);
		refuseLocked(S.isReadableLocked(readable) || S.isWritableLocked(writable));
		return S.transformOf(moveReadable(readable), moveWritable(writable));
	},
});
