// SPDX-License-Identifier: Apache-2.0
// A message as JSON, with a digest of what is attached.
import PostalMime, { addressParser, decodeWords } from 'postal-mime';

async function attachment({ filename, mimeType, disposition, contentId, content }) {
	const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
	return { filename, mimeType, disposition, contentId, size: content.byteLength ?? content.length,
		sha256: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
}

export default {
	async fetch(request) {
		switch (new URL(request.url).pathname) {
		case '/message': {
			const email = await PostalMime.parse(request.body, { attachmentEncoding: 'arraybuffer' });
			return Response.json({ ...email, attachments: await Promise.all(email.attachments.map(attachment)) });
		}
		case '/addresses':
			return Response.json(addressParser(decodeWords(await request.text())));
		}
		return new Response(null, { status: 404 });
	},
};
