// SPDX-License-Identifier: Apache-2.0
// A byte order mark belongs to the first name of an urlencoded form.
new Response('\ufeffa=\ufeffb', { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })
	.formData().then((f) => console.log(f.get('\ufeffa') === '\ufeffb')); // expect: true
