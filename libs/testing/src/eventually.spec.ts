import { eventually } from './eventually.js';

it('asks until the answer is not false', async () => {
  let asked = 0;
  expect(await eventually(() => (asked += 1) === 3 && 'third')).toBe('third');
});

it('asks until nothing is thrown, so that it can hold expectations', async () => {
  let asked = 0;
  await eventually(() => expect((asked += 1)).toBe(3));
});

it('says at the end what was still wrong', async () => {
  await expect(eventually(() => expect(1).toBe(2), { timeoutMs: 60 })).rejects.toThrow('Expected: 2');
  await expect(eventually(() => false, { timeoutMs: 60 })).rejects.toThrow('still not so after 60 ms');
});
