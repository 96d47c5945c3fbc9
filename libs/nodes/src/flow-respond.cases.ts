import type { NodeCase } from './node-cases.js';

export const flowRespondCases: readonly NodeCase[] = [
  {
    says: 'Answers with an object as JSON, and goes on.',
    config: { body: { ok: true, orderId: '{{ input.orderId }}' } },
    input: { orderId: 7 },
    gives: { kind: 'done', handle: 'out', output: { delivered: true } },
  },
  {
    says: 'Answers with a text as it is.',
    config: { body: 'Thank you, {{ trigger.payload.name }}!', headers: { 'Cache-Control': 'no-store' } },
    trigger: { payload: { name: 'Ada' } },
    gives: { kind: 'done', handle: 'out', output: { delivered: true } },
  },
  {
    says: 'Answers with XML, for those who expect it.',
    config: { body: '<Response><Message>{{ input.text }}</Message></Response>', headers: { 'Content-Type': 'text/xml' } },
    input: { text: 'Hello' },
    gives: { kind: 'done', handle: 'out', output: { delivered: true } },
  },
  {
    says: 'Leads a browser elsewhere.',
    config: { status: 303, headers: { Location: 'https://shop.example.com/thanks' } },
    gives: { kind: 'done', handle: 'out', output: { delivered: true } },
  },
  {
    says: 'Answers with an error of its own.',
    config: { status: 404, body: { error: 'No such order' } },
    gives: { kind: 'done', handle: 'out', output: { delivered: true } },
  },
  {
    says: 'Refuses a type that a browser would show as a page.',
    config: { body: '<h1>Thanks</h1>', headers: { 'Content-Type': 'text/html' } },
    gives: { refused: 'invalid_config' },
  },
  {
    says: 'Fails where an expression makes such a type.',
    config: { body: '<h1>Thanks</h1>', headers: { 'Content-Type': '{{ input.type }}' } },
    input: { type: 'text/html' },
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Sets no cookies.',
    config: { body: 'ok', headers: { 'Set-Cookie': 'a=b' } },
    gives: { refused: 'invalid_config' },
  },
  {
    says: 'Leads nowhere without a status that says so.',
    config: { headers: { Location: 'https://shop.example.com/thanks' } },
    gives: { refused: 'invalid_config' },
  },
];
