import type { NodeCase } from './node-cases.js';

export const stateGetCases: readonly NodeCase[] = [
  {
    says: 'Reads a value that was kept for the customer, with its version.',
    config: { scope: 'customer', key: 'last-order' },
    state: { 'customer/last-order': { value: { id: 7 }, version: 3 } },
    gives: { kind: 'done', handle: 'out', output: { value: { id: 7 }, version: 3, found: true } },
  },
  {
    says: 'Gives null and version 0 where there is none.',
    config: { scope: 'customer', key: 'last-order' },
    gives: { kind: 'done', handle: 'out', output: { value: null, version: 0, found: false } },
  },
  {
    says: 'Gives the default where there is none.',
    config: { scope: 'workflow', key: 'counter', default: 0 },
    gives: { kind: 'done', handle: 'out', output: { value: 0, version: 0, found: false } },
  },
  {
    says: 'Makes a key of what it knows.',
    config: { scope: 'tenant', key: 'order/{{ input.orderId }}' },
    input: { orderId: 7 },
    state: { 'tenant/order/7': { value: 'paid', version: 1 } },
    gives: { kind: 'done', handle: 'out', output: { value: 'paid', version: 1, found: true } },
  },
  {
    says: 'Finds nothing in another scope.',
    config: { scope: 'workflow', key: 'counter' },
    state: { 'tenant/counter': { value: 5, version: 5 } },
    gives: { kind: 'done', handle: 'out', output: { value: null, version: 0, found: false } },
  },
  {
    says: 'Fails for a key whose expression finds nothing.',
    config: { scope: 'tenant', key: '{{ input.orderId }}' },
    input: {},
    gives: { fails: 'config_invalid' },
  },
];
