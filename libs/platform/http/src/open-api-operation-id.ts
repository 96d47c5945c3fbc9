/**
 * A name for a route that stays while its address stays: `workflows.create`, `workflows.publish`, `channels.setCredentials`. The
 * operation's own id, the handler's method, counts only outside `/api`, where addresses are the providers'.
 */
export function operationIdOf({ path, method, operation }: { path: string; method: string; operation: { operationId?: string } }): string {
  const [first, ...segments] = path.split('/').filter(Boolean);
  if (first !== 'api') return `gateway.${operation.operationId}`;
  // A signed link is no place to create things at.
  if (method === 'post' && path === '/api/approvals/{token}') return 'approvals.decide';
  const [resource = 'api', ...words] = segments.filter((segment) => !isParameter(segment)).map(camelCase);
  const [verb] = words;
  // Done to one by its id, and here to all that a filter finds.
  if (method === 'post' && segments.length === 2 && ['retry', 'discard', 'replay'].includes(verb ?? '')) return `${resource}.${verb}Many`;
  return `${resource}.${verbOf(method, words.at(-1), isParameter(segments.at(-1) ?? ''))}`;
}

/** `last`: the address's last word below the resource; `endsInOne`: it ends in an id, so it is one of many. */
function verbOf(method: string, last: string | undefined, endsInOne: boolean): string {
  if (last === undefined) {
    if (method === 'get') return endsInOne ? 'get' : 'list';
    return { post: 'create', put: endsInOne ? 'update' : 'set', patch: 'update', delete: 'delete' }[method] ?? method;
  }
  if (method === 'post') return last;
  const noun = endsInOne ? last.replace(/s$/, '') : last;
  const prefix = { put: 'set', patch: 'update', delete: 'remove' }[method];
  return prefix === undefined ? noun : prefix + noun.charAt(0).toUpperCase() + noun.slice(1);
}

const isParameter = (segment: string) => segment.startsWith('{');
const camelCase = (segment: string) => segment.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
