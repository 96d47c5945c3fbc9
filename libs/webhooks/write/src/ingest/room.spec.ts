import { Room } from './room.js';

it('B-01: gives away what there is, and lets those who wait in as some is given back, in their order', async () => {
  const room = new Room(10, 10);
  expect([room.tryTake(6), room.tryTake(5)]).toEqual([true, false]);
  const [large, small] = [room.take(8, 60_000), room.take(1, 60_000)];
  expect(room.tryTake(1)).toBe(false); // it would overtake both
  room.give(6);
  await expect(Promise.all([large, small])).resolves.toEqual([true, true]);
  expect([room.tryTake(2), room.tryTake(1)]).toEqual([false, true]);
});

it('B-01: is all there again when everybody has given back, and one who asks for more than all of it gets that', () => {
  const room = new Room(10, 10);
  for (let round = 0; round < 3; round += 1) {
    expect([room.tryTake(25), room.tryTake(1)]).toEqual([true, false]);
    room.give(25);
  }
  expect([room.tryTake(10), room.tryTake(1)]).toEqual([true, false]);
});

it('B-01: turns away who has waited long enough, lets those behind go on, and lets only so many wait', async () => {
  const room = new Room(10, 2);
  room.tryTake(6);
  const [large, small] = [room.take(8, 5), room.take(4, 60_000)];
  await expect(room.take(1, 60_000)).resolves.toBe(false);
  await expect(Promise.all([large, small])).resolves.toEqual([false, true]);
  expect(room.tryTake(1)).toBe(false);
});
