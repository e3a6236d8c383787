// SPDX-License-Identifier: Apache-2.0
import { AwsClient, AwsV4Signer } from 'aws4fetch';

const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const datetime = '20150830T123600Z';

export default {
	async fetch(request, env) {
		const { pathname } = new URL(request.url);
		const aws = new AwsClient({ ...keys, service: 's3', region: 'us-east-1', retries: 0 });
		const object = `${env.UPSTREAM}/bucket/a%20b/${encodeURIComponent('ü+(1)')}`;
		switch (pathname) {
		case '/sign': { // the example of the documentation, which has this very signature
			const signer = new AwsV4Signer({ ...keys, datetime, service: 'iam', region: 'us-east-1',
				url: 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08',
				headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' } });
			const { headers } = await signer.sign();
			return new Response(headers.get('Authorization'));
		}
		case '/presign': {
			const url = new URL('https://bucket.s3.amazonaws.com/a b.txt?X-Amz-Expires=86400');
			const signed = await aws.sign(url, { aws: { signQuery: true, datetime } });
			return new Response(signed.url);
		}
		case '/put': {
			const body = await request.arrayBuffer();
			const put = await aws.fetch(object, { method: 'PUT', body, headers: { 'X-Amz-Meta-Name': 'n' } });
			const got = await aws.fetch(object);
			return new Response(got.body, { headers: { 'X-Signed': put.headers.get('X-Signed'), ETag: put.headers.get('ETag') } });
		}
		case '/none': {
			const { status, ok } = await aws.fetch(`${object}.none`);
			return Response.json({ status, ok });
		}
		case '/anonymous':
			return fetch(object);
		}
		return new Response(null, { status: 404 });
	},
};
