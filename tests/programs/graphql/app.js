// SPDX-License-Identifier: Apache-2.0
import {
	GraphQLEnumType, GraphQLError, GraphQLInt, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLScalarType,
	GraphQLSchema, GraphQLString, buildSchema, getIntrospectionQuery, graphql, parse, print, printSchema, subscribe,
	validate,
} from 'graphql';

const books = [
	{ id: 1, title: 'Emma', author: 'Austen', kind: 'NOVEL', at: new Date(0) },
	{ id: 2, title: 'Faust', author: 'Goethe', kind: 'PLAY', at: new Date(1e12) },
];
const later = (value) => new Promise((done) => setTimeout(done, 1, value));

const Kind = new GraphQLEnumType({ name: 'Kind', values: { NOVEL: {}, PLAY: { deprecationReason: 'too loud' } } });
const When = new GraphQLScalarType({
	name: 'When',
	serialize: (date) => date.toISOString(),
	parseValue: (text) => new Date(text),
});
const Book = new GraphQLObjectType({
	name: 'Book',
	fields: () => ({
		id: { type: new GraphQLNonNull(GraphQLInt) },
		title: { type: GraphQLString, args: { length: { type: GraphQLInt } },
			resolve: (book, { length }) => book.title.slice(0, length) },
		author: { type: GraphQLString, resolve: (book) => later(book.author) },
		kind: { type: Kind },
		at: { type: When },
		others: { type: new GraphQLList(Book), resolve: (book) => books.filter((other) => other !== book) },
		secret: { type: GraphQLString, resolve: (book, args, { user }) => {
			if (user !== 'admin')
				throw new GraphQLError('not for you', { extensions: { code: 'FORBIDDEN' } });
			return 'the end';
		} },
	}),
});
const schema = new GraphQLSchema({
	query: new GraphQLObjectType({
		name: 'Query',
		fields: {
			books: { type: new GraphQLList(Book), args: { kind: { type: Kind } },
				resolve: (_, { kind }) => books.filter((book) => !kind || book.kind === kind) },
			book: { type: Book, args: { id: { type: new GraphQLNonNull(GraphQLInt) } },
				resolve: (_, { id }) => later(books.find((book) => book.id === id)) },
		},
	}),
	subscription: new GraphQLObjectType({
		name: 'Subscription',
		fields: { count: { type: GraphQLInt, args: { to: { type: GraphQLInt } }, async *subscribe(_, { to }) {
			for (let count = 1; count <= to; count++)
				yield await later({ count });
		} } },
	}),
});

async function run(request) {
	const { query, variables, operationName } = request.method === 'POST' ? await request.json()
		: Object.fromEntries(new URL(request.url).searchParams);
	const result = await graphql({ schema, source: query ?? '', variableValues: variables, operationName,
		contextValue: { user: request.headers.get('X-User') } });
	return Response.json(result, { status: result.data ? 200 : 400 });
}
async function count(url) {
	const document = parse(`subscription { count(to: ${url.searchParams.get('to')}) }`);
	const lines = [];
	for await (const event of await subscribe({ schema, document }))
		lines.push(JSON.stringify(event));
	return new Response(lines.join('\n'));
}

export default {
	async fetch(request) {
		const url = new URL(request.url);
		switch (url.pathname) {
		case '/graphql': return run(request);
		case '/count': return count(url);
		case '/schema': return new Response(printSchema(schema));
		case '/introspect':
			return Response.json(await graphql({ schema, source: getIntrospectionQuery() }));
		case '/print': return new Response(print(parse(await request.text())));
		case '/built': {
			const built = buildSchema('type Query { hello(name: String = "you"): String! }');
			const wrong = validate(built, parse('{ hello(nam: 1) helo }')).map((e) => [e.message, e.locations]);
			const rootValue = { hello: ({ name }) => `hello ${name}` };
			return Response.json({ wrong, ...await graphql({ schema: built, source: '{ hello }', rootValue }) });
		}
		}
		return new Response(null, { status: 404 });
	},
};
