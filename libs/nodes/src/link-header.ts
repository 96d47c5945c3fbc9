const TARGET = /[\s,]*<([^>]*)>/y;
const PARAMETER = /\s*;\s*([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/y;

/**
 * The links of a `Link` header (RFC 8288) by relation, as absolute URLs; the first of several with the same one. Links of another
 * page than the one that was asked for (`anchor`) do not count, nor does what follows a mistake.
 */
export function parseLinks(header: string | undefined, base: string): Record<string, string> {
  const links = new Map<string, string>();
  const text = header ?? '';
  for (let at = 0; at < text.length;) {
    const target = matchAt(TARGET, text, at);
    if (!target) break;
    at += target[0].length;
    const parameters = new Map<string, string>();
    for (let found = matchAt(PARAMETER, text, at); found; found = matchAt(PARAMETER, text, at)) {
      const [whole, name = '', quoted, plain = ''] = found;
      at += whole.length;
      const known = name.toLowerCase();
      if (!parameters.has(known)) parameters.set(known, quoted?.replaceAll(/\\(.)/g, '$1') ?? plain);
    }
    const url = URL.parse(target[1] ?? '', base);
    if (!url || parameters.has('anchor')) continue;
    for (const relation of (parameters.get('rel') ?? '').toLowerCase().split(/\s+/)) {
      if (relation !== '' && !links.has(relation)) links.set(relation, url.href);
    }
  }
  return Object.fromEntries(links);
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
