import { FairQueue } from './fair-queue.js';

function queueOf(...items: readonly string[]): FairQueue<string> {
  const queue = new FairQueue<string>();
  for (const item of items) queue.push(item.slice(0, 1), item);
  return queue;
}

function drained(queue: FairQueue<string>): string[] {
  const taken: string[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) taken.push(item);
  return taken;
}

it('lanes take turns, whatever stands in them, and each keeps its order', () => {
  const queue = queueOf('a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'c2');
  expect(queue.length).toBe(7);
  expect(queue.lengthOf('a')).toBe(4);
  expect(queue.peek()).toBe('a1');
  expect(drained(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3', 'a4']);
  expect([queue.length, queue.lengthOf('a'), queue.peek()]).toEqual([0, 0, undefined]);
});

it('T-15: a lane that comes late waits for one item of each other lane, not for all that they have', () => {
  const queue = queueOf('a1', 'a2', 'a3');
  expect(queue.shift()).toBe('a1');
  queue.push('b', 'b1');
  expect([queue.shift(), queue.shift(), queue.shift()]).toEqual(['a2', 'b1', 'a3']);
});

it('a lane that was emptied has no turn saved up', () => {
  const queue = queueOf('a1', 'b1', 'b2');
  expect(queue.shift()).toBe('a1');
  queue.push('a', 'a2');
  expect(drained(queue)).toEqual(['b1', 'a2', 'b2']);
});

it('passes over lanes that are closed', () => {
  const queue = queueOf('a1', 'b1', 'c1');
  expect(queue.shift((lane) => lane !== 'a')).toBe('b1');
  expect(queue.shift(() => false)).toBeUndefined();
  expect(drained(queue)).toEqual(['a1', 'c1']);
});

it('takes out what fits, wherever it stands', () => {
  const queue = queueOf('a1', 'a2', 'b1', 'b2', 'c2');
  expect(queue.heads()).toEqual(['a1', 'b1', 'c2']);
  expect(queue.remove((item) => item.endsWith('2'))).toEqual(['a2', 'b2', 'c2']);
  expect(queue.length).toBe(2);
  expect(drained(queue)).toEqual(['a1', 'b1']);
});
