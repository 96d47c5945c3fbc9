import type { Graph } from '@sluice/engine';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';

export interface Exportable {
  readonly tenantId: string;
  readonly name: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly settings: JsonObject;
  readonly graph: Graph;
}

/** What was left out, and must be filled in where the document is taken in. */
export interface Omission {
  readonly path: string;
  readonly reason: 'secret' | 'reference';
}

export interface ExportDocument {
  readonly format: 'sluice.workflow';
  readonly formatVersion: 1;
  readonly name: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly settings: JsonObject;
  readonly nodes: readonly JsonObject[];
  readonly edges: readonly JsonObject[];
  readonly omitted: readonly Omission[];
}

/**
 * A definition that another tenant may have: without what names things of this one, credentials and channels above all, and without
 * what looks like a secret that was written into it, by the name it stands under. Templates (`{{ env.token }}`) stay: they name, they
 * do not hold.
 */
export function exportDefinition({ tenantId, name, description, tags, settings, graph }: Exportable): ExportDocument {
  const omitted: Omission[] = [];
  const cleaned = (path: string, value: unknown): JsonObject => {
    const clean = clear(path, JSON.parse(JSON.stringify(value)), { tenantId: tenantId.toLowerCase(), omitted });
    return isJsonObject(clean) ? clean : {};
  };
  return {
    format: 'sluice.workflow',
    formatVersion: 1,
    name,
    description,
    tags,
    settings: cleaned('settings', settings),
    nodes: graph.nodes.map((node, index) => cleaned(`nodes[${index}]`, node)),
    edges: graph.edges.map((edge, index) => cleaned(`edges[${index}]`, edge)),
    omitted,
  };
}

interface Clearing {
  readonly tenantId: string;
  readonly omitted: Omission[];
}

/** Undefined: left out. */
function clear(path: string, value: Json, clearing: Clearing): Json | undefined {
  if (Array.isArray(value)) return value.map((item, index) => clear(`${path}[${index}]`, item, clearing) ?? null);
  if (isJsonObject(value)) {
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, item]) => {
        const kept = clearEntry(`${path}.${key}`, key, item, clearing);
        return kept === undefined ? [] : [[key, kept]];
      }),
    );
  }
  if (typeof value !== 'string') return value;
  if (value.toLowerCase().includes(clearing.tenantId)) return omit(path, 'reference', clearing);
  return clearUrl(path, value, clearing);
}

function clearEntry(path: string, key: string, value: Json, clearing: Clearing): Json | undefined {
  if (references.test(key) && holdsValue(value)) return omit(path, 'reference', clearing);
  if (secrets.test(key) && holdsValue(value)) return omit(path, 'secret', clearing);
  return clear(path, value, clearing);
}

const references = /^(credentials?|channel|tenant|account)(Ids?)?$/i;
const secrets = new RegExp(
  [
    'authorization|password|passwd|passphrase|secret|cookie|signature|credential',
    '(^|[-_])(auth|token)$|[-_]key$',
    '(api|access|private|signing|auth)[-_]?key|[a-z]Token$',
  ].join('|'),
  'i',
);

/** Something of its own beside templates: a template alone, or behind the name of a scheme, only says where the value comes from. */
const holdsValue = (value: Json): boolean =>
  typeof value === 'string'
    ? !/^(bearer|basic|token|digest|apikey)?$/i.test(withoutTemplates(value).trim())
    : value !== null && typeof value !== 'boolean';

// By hand: an expression that looks for the end of every beginning takes the square of the time.
function withoutTemplates(text: string): string {
  const [first = '', ...rest] = text.split('{{');
  const after = (part: string): string => (part.includes('}}') ? part.slice(part.indexOf('}}') + 2) : part);
  return [first, ...rest.map(after)].join('');
}

const parameters = /([?&])([^=?&#\s{}]{1,100})=((?:\{\{[^{}]{0,1000}\}\}|[^&#\s])+)/g;

/** Names and passwords in addresses, and parameters that are called like secrets. */
function clearUrl(path: string, text: string, clearing: Clearing): string {
  const cleared = text
    .replace(/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@?#{}]+@/gi, '$1')
    .replace(parameters, (whole: string, mark: string, name: string, value: string) =>
      (secrets.test(name) || name === 'key') && holdsValue(value) ? `${mark}${name}=` : whole,
    );
  if (cleared !== text) omit(path, 'secret', clearing);
  return cleared;
}

function omit(path: string, reason: Omission['reason'], { omitted }: Clearing): undefined {
  omitted.push({ path, reason });
}
