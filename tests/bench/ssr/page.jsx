// SPDX-License-Identifier: Apache-2.0
// The page that bench-ssr renders: a shop's list of 200 articles behind a router.
import { renderToString } from 'react-dom/server.edge';
import { Link, StaticRouter, Route, Routes, useParams } from 'react-router';

const N_ARTICLES = 200;
const articles = Array.from({ length: N_ARTICLES }, (_, i) => ({
  id: i,
  name: `Article ${i}`,
  price: ((i * 37) % 900) + 100,
  inStock: i % 7 !== 0,
}));

function Article({ article }) {
  return (
    <li className={article.inStock ? 'article' : 'article sold-out'} title={`Number ${article.id}`}>
      <Link to={`/articles/${article.id}`}>{article.name}</Link>
      <span className="price">{(article.price / 100).toFixed(2)} EUR</span>
      {article.inStock ? <button type="button">Into the basket</button> : <em>sold out</em>}
    </li>
  );
}

function List() {
  const { shelf = 'all' } = useParams();
  return (
    <main>
      <h1>Shelf {shelf}</h1>
      <ul>
        {articles.map((article) => (
          <Article key={article.id} article={article} />
        ))}
      </ul>
    </main>
  );
}

export function render(location) {
  return renderToString(
    <StaticRouter location={location}>
      <Routes>
        <Route path="/" element={<List />} />
        <Route path="/shelves/:shelf" element={<List />} />
      </Routes>
    </StaticRouter>,
  );
}
