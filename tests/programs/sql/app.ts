// SPDX-License-Identifier: Apache-2.0
// SQLite in WebAssembly, whose memory is the database: what one request writes the next ones read.
import initSqlJs, { type Database, type SqlValue } from 'sql.js';
import wasm from 'sql.js/dist/sql-wasm.wasm';

async function open(): Promise<Database> {
	const SQL = await initSqlJs({ wasmBinary: wasm });
	const db = new SQL.Database();
	db.run(`
		create table books (id integer primary key, title text not null unique, author text, price real default 9.5,
			tags text, cover blob);
		create index books_by_author on books (author)`);
	db.create_function('shout', (words: string) => `${words.toUpperCase()}!`);
	return db;
}
const opened = open();

function all(db: Database, query: string, values: SqlValue[] = []) {
	const statement = db.prepare(query, values);
	const rows = [];
	while (statement.step())
		rows.push(statement.getAsObject());
	statement.free();
	return rows;
}

function insert(db: Database, books: { title: string; author: string; tags: string[] }[]) {
	const statement = db.prepare(`insert into books (title, author, tags, cover) values (?, ?, ?, ?)
		on conflict (title) do update set price = price + 1 returning id, price`);
	const made = books.map(({ title, author, tags }) =>
		statement.get([title, author, JSON.stringify(tags), new TextEncoder().encode(title)]));
	statement.free();
	return made;
}

export default {
	async fetch(request: Request): Promise<Response> {
		const db = await opened;
		const { pathname, searchParams } = new URL(request.url);
		switch (`${request.method} ${pathname}`) {
		case 'POST /books':
			return Response.json(insert(db, await request.json()), { status: 201 });
		case 'GET /books':
			return Response.json(all(db, `select b.id, title, price, t.value as tag, hex(cover) as cover
				from books b left join json_each(b.tags) t order by title desc`));
		case 'GET /search':
			return Response.json(all(db, 'select title, shout(title) as loud from books where title like ?',
				[`%${searchParams.get('q')}%`]));
		case 'GET /count':
			return Response.json(db.exec('select author, count(*), avg(price) over () from books group by author'));
		case 'GET /many':
			return Response.json(all(db, `with recursive n (i) as (select 1 union all select i + 1 from n where i < 20000)
				select sum(i) as sum, length(group_concat(hex(i % 251), '')) as length from n`));
		case 'GET /copy': { // as a file
			const file = db.export();
			return new Response(file.slice(0, 16), { headers: { 'X-Pages': `${file.length / 4096}` } });
		}
		case 'GET /error':
			try {
				db.run('begin');
				db.run('insert into books (title) values (?)', ['new']);
				db.run('insert into books (title) values (null)');
			} catch (e) {
				db.run('rollback');
				return new Response((e as Error).message, { status: 409 });
			}
		}
		return new Response(null, { status: 404 });
	},
};
