// SPDX-License-Identifier: Apache-2.0
// Keys that OpenSSL reads and the Web Cryptography API has no form for.
const from64 = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
const message = (p) => p.then(() => 'nothing', (e) => `${e.name}: ${e.message}`);
const load = (text, algorithm, uses) => message(crypto.subtle.importKey('pkcs8', from64(text), algorithm, true, uses));
// The parameters of P-256 in full instead of its name
const explicit = 'MIIBeQIBADCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8YyVRAgEBBG0wawIBAQQgTeSJzOkmQ2UmoJWlvX7keq77VF3qMPvDr6/WNzrSLCuhRANCAASANqSVKABGQrxRLEfMRCMca9bFOr9DIpm7sppwUTJM4VWHQY7Ii6Yt6jofeAHKvIWQUo3udtT5FaHpP369x80j';
// A modulus of three primes
const three = 'MIIClwIBADANBgkqhkiG9w0BAQEFAASCAoEwggJ9AgEBAoGBAJYxLxxLGdQMqkxjycFkAN/bibM5oVNcp/+6jNhkjRznZlnv/QB94USuabgqtVjldkW0Y4/O547Bf51yBSuDX0ya3HXBERJPhFJ+tJdOHQrnnbGyFaFP4ZgM7mznlbeCziHkoCwH40kEvjxAHcwQbebndn7N8OaExfvhHDOEtvWBAgMBAAECgYA9GglWc18wm2504WvlF3Abok7k8R8msN1P9m7yYgXeqm1DTZUaLBwHOwWVymLTvaNd/+yh5BlQOhagVJmXPA4s6TR/16vzgIuZp21cox6mplJaTMA/rjyTEwaORqkT+flj63O0JA1XO7TOm7f65JaqWG8SRoWkLhoUj3XIjiKHoQIrNTS7IeIwsub8QkVdRMVtRnimhXtbRTR7li/8dXNcbTmLys8WuQDzB+FvhQIrGdDbt9vPxeIjJYuS3FHY6xY2ucjsRYuz1l31AHtV/IgpD8Ah6COuuhCHBwIrH9QUojdylINTor1mBy7nqQGh9DYQKn0z9WttZkGFqB2Fv+RUnoWv3SYCFQIrFXI41ai6Fr4iTJKC0pz8A3BUzkpoXe4M3Ez5uAi+CihjVD5c7KiYAuKwCQIrAan+ZIRtj37A0rLPAZ5AWMyzUOL7CYSALDHkU6HXGeHMybPdfP1xTBfFjzCBijCBhwIrG/4ON2BwewTLQIPYAGeRVadmj2k8GOBe89RIigV+XB6QJ+UgEH6DR18IiwIrDtuE7i2Y5iLAQuj34BcYk877Z8kiZc3JeD/HlMKftANg3lwF7dtIkLxHSwIrAPj/6/zxiwVXfN6ccEk/hEG7CX0WeVQQ1s0hogF28pGdkKclhy0uWpP+tQ==';
const named = 'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9OCqPG/F3hOm2C8xHZOHh57A0O+GZAB4FIzXTBkKcAqhRANCAAS3NH/Nw8nHODBDNfsdpkh8multSQxH7jcZvu2KnNRvx4XM2gM8KxuHMmDqf2nDz+QJY4G99r8jUF/bdNRL2lvC';
const usual = 'MIIBVAIBADANBgkqhkiG9w0BAQEFAASCAT4wggE6AgEAAkEA2gKebTaFitsJTdtRtJODEQ7iqW8CbdroDSx8PCAHW/H+YPuPNA3rgaKntoncWrItB02vTmowT6nTtDDIrAd8xwIDAQABAkEAnFVMblyunsg7f81KZgdx8YWPHJkyULytsuS3ohYFsPQgsMgh907F4lvjoTJ9NzKMoDYQ5cocCzHz8mBrbJ3x4QIhAPYH/BXjLU+kpp1tiJSiop9vjbkRPQat1XVh0PytZ7dNAiEA4tf68tYzZqBV+YYAvntsSdXgrtvUA3NXsioVjTbxAmMCIBtpjFbL9xJ2n/HOcHdPH5twDHRgTVJfL/diLKzajUHJAiAihehFSOAtwD0VapV2Z+ZFHm3BbudHVyiDjvAUu8XWLQIgV+RpHZkHdK3JYEdeZk0SCQby0rBIgYDWXMshmjSRats=';
const ec = { name: 'ECDSA', namedCurve: 'P-256' };
const rsa = { name: 'RSA-PSS', hash: 'SHA-256' };
(async () => {
	console.log(await load(named, ec, ['sign'])); // expect: nothing
	console.log(await load(explicit, ec, ['sign'])); // expect: DataError: the key is not of the kind 'P-256'
	console.log(await load(usual, rsa, ['sign'])); // expect: nothing
	console.log(await load(three, rsa, ['sign'])); // expect: DataError: RSA keys of more than two primes are not supported
	console.log(await load(usual, ec, ['sign'])); // expect: DataError: the key is not of the kind 'P-256'
	console.log(await load(named, rsa, ['sign'])); // expect: DataError: the key is not of the kind 'RSA'
})();
