import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Response>> }>>>>;
}

interface Response {
  readonly content?: Readonly<Record<string, { readonly examples?: object }>>;
}

const documents = new Map<string, Document>();

/**
 * What docs/openapi does not tell of this answer: its status, or the code of its problem. Undefined when it does, and for addresses
 * that are no operation of the API.
 */
export function undocumented(
  api: 'command-api' | 'query-api',
  method: string,
  address: string,
  status: number,
  type?: unknown,
): string | undefined {
  const [path = ''] = address.split('?');
  const { paths } = documentOf(api);
  const [item] = Object.entries(paths)
    .filter(([template]) => new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path))
    .toSorted(([one], [other]) => one.split('{').length - other.split('{').length)
    .map(([, found]) => found);
  const responses = item?.[method.toLowerCase()]?.responses;
  if (responses === undefined) return undefined;
  const response = responses[status];
  if (response === undefined) return `${method} ${path} was answered ${status}, of which docs/openapi/${api}.json does not tell`;
  const code = typeof type === 'string' ? type.replace('/problems/', '') : undefined;
  const codes = Object.keys(response.content?.['application/problem+json']?.examples ?? {});
  if (status < 400 || (code !== undefined && codes.includes(code))) return undefined;
  return `${method} ${path} was answered ${status} ${code}, of which docs/openapi/${api}.json does not tell; it tells of ${codes.join(', ')}`;
}

function documentOf(api: string): Document {
  const known = documents.get(api);
  if (known !== undefined) return known;
  const file = join(import.meta.dirname, '..', '..', '..', 'docs', 'openapi', `${api}.json`);
  const document: Document = JSON.parse(readFileSync(file, 'utf8'));
  documents.set(api, document);
  return document;
}
