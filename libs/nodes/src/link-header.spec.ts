import { parseLinks } from './link-header.js';

const base = 'https://api.example.com/orders?page=1';

describe('parseLinks', () => {
  it.each<[string | undefined, Record<string, string>]>([
    [undefined, {}],
    ['', {}],
    ['<https://api.example.com/orders?page=2>; rel="next"', { next: 'https://api.example.com/orders?page=2' }],
    ['<https://x.test/?a=1,2;3>; rel=next, <https://x.test/9>; rel="last"', { next: 'https://x.test/?a=1,2;3', last: 'https://x.test/9' }],
    ['</orders?page=2>; rel=next', { next: 'https://api.example.com/orders?page=2' }],
    ['<?page=2> ; title="a, b; rel=\\"prev\\"" ; REL = "Next"', { next: 'https://api.example.com/orders?page=2' }],
    [
      '<?page=2>; rel="next archives"',
      { next: 'https://api.example.com/orders?page=2', archives: 'https://api.example.com/orders?page=2' },
    ],
    ['<?page=2>; rel=next; rel=prev, <?page=3>; rel=next', { next: 'https://api.example.com/orders?page=2' }],
    ['<?page=2>; rel=next; anchor="#other"', {}],
    ['<?page=2>; crossorigin; rel=next', { next: 'https://api.example.com/orders?page=2' }],
    ['<?page=2>', {}],
    ['<http://[>; rel=next, <?page=3>; rel=last', { last: 'https://api.example.com/orders?page=3' }],
    ['<?page=2>; rel=next, nonsense <?page=3>; rel=last', { next: 'https://api.example.com/orders?page=2' }],
    ['page=2; rel=next', {}],
    ['<?page=2; rel=next', {}],
  ])('reads %s', (header, links) => {
    expect(parseLinks(header, base)).toEqual(links);
  });

  it('keeps hostile relations as names', () => {
    const links = parseLinks('<?a>; rel="__proto__ constructor"', base);
    expect(Object.keys(links)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(links)).toBe(Object.prototype);
  });

  it.each(['<'.repeat(16_000), `<a>${';'.repeat(16_000)}`, `<a>;a="${'\\'.repeat(16_000)}`, `<a>; a${' '.repeat(16_000)}x`])(
    'takes no time over a header that goes on and on (%#)',
    (header) => {
      const started = performance.now();
      expect(parseLinks(header, base)).toEqual({});
      expect(performance.now() - started).toBeLessThan(500);
    },
  );
});
