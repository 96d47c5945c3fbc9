import type { NodeCase } from './node-cases.js';

const url = 'https://api.example.com/orders';
const json = { 'content-type': 'application/json' };

export const httpRequestCases: readonly NodeCase[] = [
  {
    says: 'Asks with GET, and puts out status, headers and the parsed answer.',
    config: { url: 'https://api.example.com/orders/{{ input.orderId }}', query: { expand: ['items', 'customer'] } },
    input: { orderId: 7 },
    answers: [{ status: 200, headers: json, body: { id: 7, total: 12 } }],
    sends: [{ method: 'GET', url: `${url}/7?expand=items&expand=customer` }],
    gives: { kind: 'done', handle: 'out', output: { status: 200, body: { id: 7, total: 12 } } },
  },
  {
    says: 'Sends anything but a text as JSON.',
    config: { method: 'POST', url, body: { customer: '{{ trigger.customerId }}', total: '{{ input.total }}' } },
    input: { total: 12 },
    trigger: { customerId: '9' },
    answers: [{ status: 201, headers: json, body: { id: 7 } }],
    sends: [{ method: 'POST', url, headers: json, body: { customer: '9', total: 12 } }],
    gives: { kind: 'done', handle: 'out', output: { status: 201, body: { id: 7 } } },
  },
  {
    says: 'Sends an object as a form; a list repeats its name.',
    config: { method: 'POST', url, bodyType: 'form', body: { customer: 'Ada Lovelace', tag: ['new', 'paid'] } },
    answers: [{ status: 204 }],
    sends: [
      {
        method: 'POST',
        url,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'customer=Ada+Lovelace&tag=new&tag=paid',
      },
    ],
    gives: { kind: 'done', handle: 'out', output: { status: 204 } },
  },
  {
    says: 'Sends the bytes that a text in Base64 stands for.',
    config: { method: 'PUT', url: `${url}/7/note`, bodyType: 'binary', contentType: 'text/markdown', body: 'SGVsbG8=' },
    answers: [{ status: 204 }],
    sends: [{ method: 'PUT', url: `${url}/7/note`, headers: { 'content-type': 'text/markdown' }, body: 'Hello' }],
    gives: { kind: 'done', handle: 'out', output: { status: 204 } },
  },
  {
    says: 'Puts out an answer of bytes in Base64, with its type, as another request takes them.',
    config: { url: `${url}/7/invoice`, responseType: 'binary' },
    answers: [{ status: 200, headers: { 'content-type': 'application/pdf' }, body: '%PDF' }],
    gives: { kind: 'done', handle: 'out', output: { status: 200, body: 'JVBERg==', contentType: 'application/pdf' } },
  },
  {
    says: 'Takes a status for success that is expected, so that the workflow can decide by it.',
    config: { url: `${url}/8`, expectStatuses: [404] },
    answers: [{ status: 404, headers: json, body: { error: 'No such order' } }],
    gives: { kind: 'done', handle: 'out', output: { status: 404, body: { error: 'No such order' } } },
  },
  {
    says: 'Gathers the items of all pages, the next one being named by a Link header.',
    config: { url, nextPage: 'item.links.next' },
    answers: [
      { status: 200, headers: { ...json, link: '</orders?page=2>; rel="next"' }, body: [{ id: 1 }, { id: 2 }] },
      { status: 200, headers: json, body: [{ id: 3 }] },
    ],
    sends: [
      { method: 'GET', url, headers: { 'idempotency-key': 'key-1' } },
      { method: 'GET', url: `${url}?page=2`, headers: { 'idempotency-key': 'key-1-2' } },
    ],
    gives: { kind: 'done', handle: 'out', output: { status: 200, body: [{ id: 1 }, { id: 2 }, { id: 3 }], pages: 2, complete: true } },
  },
  {
    says: 'Asks on with a cursor, until there is none.',
    config: { url, query: { limit: 2 }, nextPage: '{ "query": { "cursor": item.body.next } }', pageItems: 'item.body.orders' },
    answers: [
      { status: 200, headers: json, body: { orders: [1, 2], next: 'b' } },
      { status: 200, headers: json, body: { orders: [3], next: null } },
    ],
    sends: [
      { method: 'GET', url: `${url}?limit=2` },
      { method: 'GET', url: `${url}?limit=2&cursor=b` },
    ],
    gives: { kind: 'done', handle: 'out', output: { status: 200, body: [1, 2, 3], pages: 2, complete: true } },
  },
  {
    says: 'Stops at `maxPages`, and says that there is more.',
    config: { url, nextPage: 'item.links.next', maxPages: 1 },
    answers: [{ status: 200, headers: { ...json, link: '</orders?page=2>; rel="next"' }, body: [1] }],
    gives: { kind: 'done', handle: 'out', output: { body: [1], pages: 1, complete: false } },
  },
  {
    says: 'Fails for other statuses of 400 and more.',
    config: { url: `${url}/8` },
    answers: [{ status: 404, headers: json, body: { error: 'No such order' } }],
    gives: { fails: 'http_status' },
  },
  {
    says: 'Fails for what is no JSON where that is asked for.',
    config: { url, responseType: 'json' },
    answers: [{ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Down for maintenance</html>' }],
    gives: { fails: 'invalid_response' },
  },
  {
    says: 'Fails, and asks for nothing more, if the next page is at another host.',
    config: { url, nextPage: 'item.body.next' },
    answers: [{ status: 200, headers: json, body: { next: 'https://elsewhere.example.net/2' } }],
    sends: [{ method: 'GET', url }],
    gives: { fails: 'next_page_refused' },
  },
];
