import { nearestName } from './nearest-name.js';

const names = ['trigger', 'input', 'nodes', 'env', 'customer'];

it.each([
  ['triger', 'trigger'],
  ['inptu', 'input'],
  ['node', 'nodes'],
  ['Env', 'env'],
  ['evn', 'env'],
  ['custommer', 'customer'],
])('takes "%s" for "%s"', (name, meant) => expect(nearestName(name, names)).toBe(meant));

it.each(['x', 'json', 'output', ''])('guesses nothing from "%s"', (name) => expect(nearestName(name, names)).toBeUndefined());

it('prefers the nearest', () => expect(nearestName('note', ['nodes', 'notes'])).toBe('notes'));
