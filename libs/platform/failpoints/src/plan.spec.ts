import { failpointsIn } from './plan.js';

it('reads names, actions and passages', () => {
  expect(failpointsIn('wrk.after_send:kill9:3, gw.before_commit:sleep=5000,prj.mid_batch:throw=40001,')).toEqual([
    { name: 'wrk.after_send', action: { type: 'kill9' }, at: 3 },
    { name: 'gw.before_commit', action: { type: 'sleep', ms: 5_000 }, at: undefined },
    { name: 'prj.mid_batch', action: { type: 'throw', code: '40001' }, at: undefined },
  ]);
});

it.each([
  ['gw.nowhere:kill9', 'there is no "gw.nowhere"'],
  ['gw.before_ack:explode', '"explode" in "gw.before_ack:explode" is not kill9'],
  ['gw.before_ack:sleep', '"sleep" in'],
  ['gw.before_ack:throw', '"throw" in'],
  ['gw.before_ack:kill9:0', '"0" in "gw.before_ack:kill9:0" is not a passage'],
])('refuses %s', (text, sentence) => {
  expect(() => failpointsIn(text)).toThrow(sentence);
});
