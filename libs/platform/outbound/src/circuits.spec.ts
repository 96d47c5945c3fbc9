import { Circuits, type Permit } from './circuits.js';

const target = 'tenant https://crm.example';
const options = { failuresMax: 3, pauseMs: 100, pauseMaxMs: 300, roomMax: 8, circuitsMax: 4 };

/** A permit; fails when the call is held back. */
function letOut(circuits: Circuits, now: number, to = target): Permit {
  const permit = circuits.ask(to, now);
  if (typeof permit === 'number') throw new Error(`held back for ${permit} ms`);
  return permit;
}

function opened(): Circuits {
  const circuits = new Circuits(options);
  for (let failure = 0; failure < 3; failure += 1) letOut(circuits, 0)('failed', 0);
  return circuits;
}

/** How many calls are let out together at this time */
function together(circuits: Circuits, now: number): Permit[] {
  const permits: Permit[] = [];
  for (let permit = circuits.ask(target, now); typeof permit !== 'number' && permits.length < 100; permit = circuits.ask(target, now)) {
    permits.push(permit);
  }
  return permits;
}

describe('N-05: a circuit', () => {
  it('opens after so many failures in a row, and holds calls back for its pause', () => {
    const circuits = opened();
    expect(circuits.ask(target, 1)).toBe(99);
    expect(circuits.open).toBe(1);
  });

  it('is left closed by failures with an answer between them', () => {
    const circuits = new Circuits(options);
    for (const end of ['failed', 'failed', 'answered', 'failed', 'failed', 'nothing'] as const) letOut(circuits, 0)(end, 0);
    expect(letOut(circuits, 0)).toBeDefined();
    expect(circuits.open).toBe(0);
  });

  it('lets one probe out at a time, and waits twice as long after each that fails, up to the limit', () => {
    const circuits = opened();
    let now = 100;
    for (const pause of [200, 300, 300]) {
      const probe = letOut(circuits, now);
      expect(circuits.ask(target, now)).toBe(100);
      probe('failed', now);
      expect(circuits.ask(target, now)).toBe(pause);
      now += pause;
    }
  });

  it('gives a probe that says nothing about the target to the next', () => {
    const circuits = opened();
    letOut(circuits, 100)('nothing', 100);
    expect(together(circuits, 100)).toHaveLength(1);
  });

  it('lets a target that comes back have 1, 2, 4, 8 calls at once, then all', () => {
    const circuits = opened();
    for (const room of [1, 2, 4, 8]) {
      const permits = together(circuits, 100);
      expect(permits).toHaveLength(room);
      for (const permit of permits) permit('answered', 100);
    }
    expect(together(circuits, 100)).toHaveLength(100);
    expect(circuits.open).toBe(0);
  });

  it('opens again at the first failure of a recovery, whatever came of the others', () => {
    const circuits = opened();
    letOut(circuits, 100)('answered', 100);
    const [first, second] = together(circuits, 100);
    first?.('failed', 100);
    second?.('answered', 100);
    expect(circuits.ask(target, 100)).toBe(200);
  });

  it('is neither opened wider nor closed by what was let out before it opened', () => {
    const circuits = new Circuits(options);
    const before = [letOut(circuits, 0), letOut(circuits, 0), letOut(circuits, 0), letOut(circuits, 0), letOut(circuits, 0)];
    for (const permit of before.slice(0, 4)) permit('failed', 0);
    before[4]?.('answered', 50);
    expect(circuits.ask(target, 50)).toBe(50);
  });

  it('concerns its own target alone, and only so many are remembered', () => {
    const circuits = opened();
    for (const other of ['a', 'b', 'c']) letOut(circuits, 0, other)('failed', 0);
    expect(typeof circuits.ask(target, 1)).toBe('number');
    letOut(circuits, 0, 'd')('failed', 0);
    expect(typeof circuits.ask(target, 1)).toBe('function');
  });
});
