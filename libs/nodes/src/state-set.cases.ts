import type { NodeCase } from './node-cases.js';

export const stateSetCases: readonly NodeCase[] = [
  {
    says: 'Writes a value, for an hour.',
    config: { scope: 'customer', key: 'last-order', value: { id: '{{ input.orderId }}' }, ttlMs: 3_600_000 },
    input: { orderId: 7 },
    gives: { kind: 'done', handle: 'out', output: { value: { id: 7 }, version: 1, written: true } },
  },
  {
    says: 'Writes over a value that is there; the version counts the writes.',
    config: { scope: 'customer', key: 'last-order', value: 8 },
    state: { 'customer/last-order': { value: 7, version: 3 } },
    gives: { kind: 'done', handle: 'out', output: { value: 8, version: 4, written: true } },
  },
  {
    says: 'Writes what nobody else changed since `state.get` read it.',
    config: { scope: 'workflow', key: 'counter', value: '{{ input.value + 1 }}', ifVersion: '{{ input.version }}' },
    input: { value: 5, version: 9, found: true },
    state: { 'workflow/counter': { value: 5, version: 9 } },
    gives: { kind: 'done', handle: 'out', output: { value: 6, version: 10, written: true } },
  },
  {
    says: 'Goes on by `conflict` if somebody did, and says what is there now.',
    config: { scope: 'workflow', key: 'counter', value: '{{ input.value + 1 }}', ifVersion: '{{ input.version }}' },
    input: { value: 5, version: 9, found: true },
    state: { 'workflow/counter': { value: 6, version: 10 } },
    gives: { kind: 'done', handle: 'conflict', output: { value: 6, version: 10, written: false } },
  },
  {
    says: 'Writes only where there is nothing, with version 0: the first of several runs takes it.',
    config: { scope: 'tenant', key: 'taken-by', value: 'me', ifVersion: 0 },
    state: { 'tenant/taken-by': { value: 'another', version: 1 } },
    gives: { kind: 'done', handle: 'conflict', output: { value: 'another', version: 1, written: false } },
  },
  {
    says: 'Deletes a value.',
    config: { scope: 'customer', key: 'last-order', delete: true },
    state: { 'customer/last-order': { value: 7, version: 3 } },
    gives: { kind: 'done', handle: 'out', output: { value: null, version: 0, written: true } },
  },
  {
    says: 'Fails if the expression of the value finds nothing: to delete, say so.',
    config: { scope: 'customer', key: 'last-order', value: '{{ input.orderId }}' },
    input: {},
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Fails if the expression of the version finds nothing: it never writes over what it was to look at.',
    config: { scope: 'workflow', key: 'counter', value: 1, ifVersion: '{{ input.version }}' },
    input: {},
    gives: { fails: 'config_invalid' },
  },
];
