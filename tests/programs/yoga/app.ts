// SPDX-License-Identifier: Apache-2.0
import { GraphQLError } from 'graphql';
import { createPubSub, createSchema, createYoga } from 'graphql-yoga';

const pubsub = createPubSub<{ said: [string] }>();
const notes: string[] = [];

const yoga = createYoga({
	schema: createSchema({
		typeDefs: /* GraphQL */ `
			scalar File
			type Query { hello(name: String!): String! broken: String }
			type Mutation { say(text: String!): Boolean! read(file: File!): String! }
			type Subscription { ticks(to: Int!): Int! said: String! }
		`,
		resolvers: {
			Query: {
				hello: (_, { name }, { request }) => `hello ${name} of ${request.headers.get('x-place')}`,
				broken: () => {
					throw new GraphQLError('not now', { extensions: { code: 'LATER', http: { status: 503 } } });
				},
			},
			Mutation: {
				say: (_, { text }) => (notes.push(text), pubsub.publish('said', text), true),
				read: async (_, { file }: { file: File }) => `${file.name} ${file.type} ${await file.text()}`,
			},
			Subscription: {
				ticks: { async *subscribe(_, { to }) {
					for (let ticks = 0; ticks < to; ticks++) {
						await new Promise((done) => setTimeout(done, 1));
						yield { ticks };
					}
				} },
				said: { subscribe: () => pubsub.subscribe('said'), resolve: (text: string) => text },
			},
		},
	}),
	graphqlEndpoint: '/',
	landingPage: false,
	logging: false,
});

export default { fetch: yoga.fetch };
