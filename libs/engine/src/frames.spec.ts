import { frameOf, frameOfItem, framesAround, keyOf, placeOf } from './frames.js';

describe('A frame', () => {
  const outer = frameOfItem('orders', 3, '');
  const inner = frameOfItem('lines', 0, outer);

  it('is named after its loop and the item’s place, behind the frame that the loop runs in', () => {
    expect([outer, inner]).toEqual(['orders:3', 'orders:3/lines:0']);
    expect(frameOf(outer)).toEqual({ loopId: 'orders', index: 3, outer: '' });
    expect(frameOf(inner)).toEqual({ loopId: 'lines', index: 0, outer });
    expect(frameOf('')).toBeUndefined();
  });

  it('knows those around it, from the run inwards', () => {
    expect(framesAround('')).toEqual(['']);
    expect(framesAround(inner)).toEqual(['', outer, inner]);
  });

  it('is part of the key of a node’s run', () => {
    expect([keyOf('reply'), keyOf('reply', inner)]).toEqual(['reply', 'orders:3/lines:0/reply']);
    expect(placeOf('reply')).toEqual({ nodeId: 'reply', iteration: '' });
    expect(placeOf(keyOf('reply', inner))).toEqual({ nodeId: 'reply', iteration: inner });
  });
});
