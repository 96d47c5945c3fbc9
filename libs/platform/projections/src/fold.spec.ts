import { type DomainEvent, newId } from '@sluice/kernel';
import { advancedKeys } from './advanced-keys.js';
import { Folding } from './fold.js';
import { type Logged, type Projection, type TenantRow, unchanged } from './projection.js';

type Joined = DomainEvent<'joined', { readonly rooms: readonly string[] }>;
type Left = DomainEvent<'left', Record<string, never>>;

interface Room extends TenantRow {
  readonly id: string;
  readonly guests: number;
}

const rooms: Projection<Joined | Left, Room> = {
  table: 'rooms',
  key: ['id'],
  columns: { tenantId: 'uuid', id: 'uuid', guests: 'int' },
  keys: (event) => (event.type === 'joined' ? event.payload.rooms.map((id) => ({ id })) : []),
  on: { joined: (_event, row) => ({ guests: (row?.guests ?? 0) + 1 }), left: unchanged },
};

const [tenantId, guest, red, blue] = [newId(), newId(), newId(), newId()];
const joined = (position: number, ...into: string[]): Logged<Joined> => ({
  id: newId(),
  tenantId,
  type: 'joined',
  aggregateId: guest,
  aggregateVersion: position,
  schemaVersion: 1,
  correlationId: 'c',
  causationId: null,
  timestamp: '2026-11-23T12:00:00.000Z',
  payload: { rooms: into },
  position,
});

it('touches every row that an event names, from what was loaded on', () => {
  const folding = new Folding(rooms, [joined(1, red, blue), joined(2, red)]);
  expect(folding.keys).toEqual([
    { tenantId, id: red },
    { tenantId, id: blue },
  ]);
  const changed = folding.fold([{ tenantId, id: red, guests: 5 }]);
  expect(changed.map(({ row }) => row)).toEqual([
    { tenantId, id: red, guests: 7 },
    { tenantId, id: blue, guests: 1 },
  ]);
});

it('loads nothing for an event that changes nothing', () => {
  expect(
    new Folding(rooms, [
      { ...joined(1), type: 'left', payload: {} },
      { ...joined(2), type: 'unheard of' },
    ]).keys,
  ).toEqual([]);
});

it('parks an aggregate whose row would be incomplete, and leaves its later events out', () => {
  const partial: Projection<Joined, Room> = {
    ...rooms,
    keys: (event) => event.payload.rooms.map((id) => ({ id })),
    on: { joined: () => ({}) },
  };
  const folding = new Folding(partial, [joined(1, red), joined(2, blue)]);
  expect(folding.fold([])).toEqual([]);
  expect(folding.failures).toEqual([
    { projection: 'rooms', tenantId, aggregateId: guest, position: 1, eventType: 'joined', error: 'TypeError: the row has no guests' },
  ]);
});

it('parks an aggregate whose event names a row that cannot be', () => {
  const folding = new Folding(rooms, [joined(1, 'no uuid')]);
  expect(folding.keys).toEqual([]);
  expect(folding.failures).toMatchObject([{ aggregateId: guest, error: "TypeError: the row's id is no UUID" }]);
});

it('says what a batch changed in at most 500 keys', () => {
  const changed = (rows: number, tenants = 1) => [
    { table: 'rooms', rows: Array.from({ length: rows }, (_, n) => ({ row: { tenantId: `t${n % tenants}`, id: String(n) } })) },
  ];
  expect(advancedKeys(changed(2))).toEqual(['t0:rooms:0', 't0:rooms:1']);
  expect(advancedKeys(changed(501))).toEqual(['t0:rooms']);
  expect(advancedKeys(changed(501, 501))).toEqual(['*']);
});
