import type { Channel, SampleCall, SampleTerms } from '../adapter.js';
import { hmacSample, sampleText } from '../samples.js';
import { signature } from './signed-calls.js';

/** A message of somebody to the account, in the shape that Instagram and Messenger share. */
export const messageSample =
  (object: string) =>
  (channel: Channel, { id, at }: SampleTerms): SampleCall | undefined => {
    const account = channel.externalAccountId ?? '1000000000000001';
    const timestamp = at.getTime();
    const message = { mid: `sluice-test-${id}`, text: sampleText };
    const item = { sender: { id: '1000000000000002' }, recipient: { id: account }, timestamp, message };
    return hmacSample(channel, signature, { object, entry: [{ id: account, time: timestamp, messaging: [item] }] });
  };
