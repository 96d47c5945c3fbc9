import { DomainError } from '@sluice/kernel';
import { QueryFailedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { isOutage } from './database.js';

const coded = (code: string, message = 'x') => Object.assign(new Error(message), { code });

it.each(['08006', '28P01', '40001', '40P01', '53300', '57P01', '57P03', '57014', '55P03', '25006', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'])(
  '%s is the state of the database',
  (code) => {
    expect(isOutage(coded(code))).toBe(true);
    expect(isOutage(new QueryFailedError('SELECT 1', [], coded(code)))).toBe(true);
  },
);

it.each(['22P02', '23505', '42P01', '42501', '54000', 'XX001', 'P0001', 'ERR_INVALID_ARG_TYPE'])(
  '%s is the fault of what was asked',
  (code) => {
    expect(isOutage(coded(code))).toBe(false);
    expect(isOutage(new QueryFailedError('SELECT 1', [], coded(code)))).toBe(false);
  },
);

it('a lost connection says so without a code', () => {
  expect(isOutage(new Error('Connection terminated unexpectedly'))).toBe(true);
  expect(isOutage(new Error('timeout exceeded when trying to connect'))).toBe(true);
  expect(isOutage(new QueryRunnerProviderAlreadyReleasedError())).toBe(true);
});

it('a bug of ours is none, and neither is what a caller did', () => {
  for (const other of [new TypeError('x is not a function'), new DomainError('conflict', 'taken', 'Taken.'), 'text', undefined, null]) {
    expect(isOutage(other)).toBe(false);
  }
});
