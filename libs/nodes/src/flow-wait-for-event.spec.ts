import type { Json, JsonObject } from '@sluice/kernel';
import { flowWaitForEvent } from './flow-wait-for-event.js';

const now = new Date('2026-06-01T12:00:00Z');
const trigger = { channelId: 'channel-1', customerId: '9001' };
const run = (config: JsonObject, start: Json = trigger) =>
  flowWaitForEvent.run({ config, input: 'input', trigger: start, now, evaluate: () => undefined });

describe('flow.waitForEvent', () => {
  it("waits for the trigger's customer on the trigger's channel, unless the config names others", () => {
    expect(run({})).toMatchObject({ kind: 'awaitEvent', channelId: 'channel-1', customerId: '9001' });
    expect(run({ channelId: 'channel-2', customerId: 7 })).toMatchObject({ channelId: 'channel-2', customerId: '7' });
    expect(run({ channelId: '', customerId: null })).toMatchObject(trigger);
  });

  it('never waits without end', () => {
    expect(run({})).toMatchObject({ until: new Date('2027-06-02T12:00:00Z') });
    expect(run({ timeoutMs: null })).toMatchObject({ until: new Date('2027-06-02T12:00:00Z') });
  });

  it('does not ask for its condition: no event is there yet', () => {
    const evaluate = () => {
      throw new Error('asked');
    };
    expect(flowWaitForEvent.run({ config: {}, input: null, trigger, now, evaluate })).toMatchObject({ kind: 'awaitEvent' });
  });

  it.each<[JsonObject, Json, string]>([
    [{}, null, '`channelId` is needed: the run was not started by a channel'],
    [{ channelId: 'channel-1' }, { channelId: 'channel-1', customerId: null }, '`customerId` is needed'],
    [{ channelId: ['channel-1'] }, trigger, '`channelId` must be a text, not a list'],
    [{ kinds: 'message' }, trigger, '`kinds` must be a list, not a string'],
    [{ kinds: ['message', 7] }, trigger, '`kinds[1]` must be a text, not a number'],
    [{ kinds: [''] }, trigger, '`kinds[0]` must be a text, not an empty one'],
    [{ exclusive: 'no' }, trigger, '`exclusive` must be true or false, not a string'],
    [{ timeoutMs: 1e12 }, trigger, '`timeoutMs` must be a number of milliseconds from 0 to 31622400000'],
    [{ until: 'tomorrow' }, trigger, '`until` is not a time in ISO 8601'],
    [{ until: '2028-01-01T00:00:00Z' }, trigger, '`until` is more than a year ahead'],
  ])('fails for good and says why: %j', (config, start, message) => {
    expect(() => run(config, start)).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(message), options: { retryable: false } }),
    );
  });
});
