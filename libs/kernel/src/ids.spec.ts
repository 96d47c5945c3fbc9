import { isUuid, newId } from './ids.js';

describe('newId', () => {
  const ids = Array.from({ length: 5_000 }, newId);

  it('makes UUIDs of version 7, no two alike', () => {
    expect(ids.every((id) => isUuid(id) && id[14] === '7' && '89ab'.includes(id[19] ?? ''))).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('makes them in order', () => {
    expect(ids.toSorted()).toEqual(ids);
  });

  it('tells the time in them', () => {
    const ms = Number.parseInt((ids[0] ?? '').replaceAll('-', '').slice(0, 12), 16);
    expect(Math.abs(ms - Date.now())).toBeLessThan(60_000);
  });
});
