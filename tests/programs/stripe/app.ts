// SPDX-License-Identifier: Apache-2.0
import Stripe from 'stripe';

const secret = 'whsec_of_the_test';

export default {
	async fetch(request: Request, env: { UPSTREAM: string }): Promise<Response> {
		const { protocol, hostname, port } = new URL(env.UPSTREAM);
		const stripe = new Stripe('sk_test_1', {
			host: hostname, port, protocol: protocol.slice(0, -1) as 'http',
			httpClient: Stripe.createFetchHttpClient(), maxNetworkRetries: 0, telemetry: false,
		});
		switch (new URL(request.url).pathname) {
		case '/customer': {
			const made = await stripe.customers.create({ email: 'ü@example.com', metadata: { a: 'b & c' },
				invoice_settings: { custom_fields: [{ name: 'x', value: 'y' }] } }, { idempotencyKey: 'key' });
			return Response.json(made);
		}
		case '/customers': {
			const ids = [];
			for await (const { id } of stripe.customers.list({ limit: 2 }))
				ids.push(id);
			return Response.json(ids);
		}
		case '/pay':
			return stripe.paymentIntents.create({ amount: 100, currency: 'eur' }).then(() => new Response('paid'),
				(e) => Response.json({ name: e.constructor.name, type: e.type, code: e.code, message: e.message,
					status: e.statusCode, id: e.requestId }, { status: 402 }));
		case '/sign': {
			const payload = JSON.stringify({ id: 'evt_1', object: 'event', type: 'charge.succeeded' });
			return new Response(await stripe.webhooks.generateTestHeaderStringAsync({ payload, secret, timestamp: 1e9,
				cryptoProvider: Stripe.createSubtleCryptoProvider() }));
		}
		case '/webhook': {
			const payload = await request.text();
			const signature = request.headers.get('Stripe-Signature') ?? '';
			try {
				const event = await stripe.webhooks.constructEventAsync(payload, signature, secret, 4e9);
				return Response.json({ received: event.type });
			} catch (e) {
				return new Response((e as Error).message, { status: 400 });
			}
		}
		}
		return new Response(null, { status: 404 });
	},
};
