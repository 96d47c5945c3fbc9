import type { Graph } from '@sluice/engine';
import { isJsonObject, type Json } from '@sluice/kernel';
import { readsOf } from './check-expressions.js';
import { isList } from './config-fields.js';
import { draw } from './drawing.js';
import type { Finding } from './finding.js';
import { reachableFrom } from './graph-walk.js';
import { nearestName } from './nearest-name.js';
import { triggerWebhook } from './trigger-webhook.js';

/**
 * Fields of `trigger` that no event so far had. Warnings, for the past proves nothing about the next event.
 * @param samples events that have begun runs or would have; none: nothing is said
 */
export function* checkFields(graph: Graph, samples: readonly Json[]): Generator<Finding> {
  if (samples.length === 0) return;
  const drawing = draw(graph);
  const hooks = drawing.nodes.filter(({ type }) => type === triggerWebhook).map(({ node }) => node.id);
  const begun = reachableFrom(hooks, drawing.ways.from);
  const seen = new Map<string, boolean>();
  let fields: ReadonlySet<string> | undefined;
  for (const drawn of drawing.nodes) {
    if (!begun.has(drawn.node.id)) continue;
    for (const { path, paths } of readsOf(drawn)) {
      for (const [root, ...names] of typeof paths === 'string' ? [] : paths) {
        if (root !== 'trigger' || names.length === 0) continue;
        const field = names.join('.');
        const isThere = seen.get(field) ?? samples.some((sample) => hasField(sample, names));
        seen.set(field, isThere);
        if (isThere) continue;
        fields ??= fieldsOf(samples);
        const meant = closestField(names, fields);
        const hint = meant === undefined ? 'check its spelling' : `did you mean "trigger.${meant}"?`;
        const which = samples.length === 1 ? 'The newest event has no' : `None of the ${samples.length} newest events has a`;
        yield { path, code: 'unknown_field', message: `${which} field "trigger.${field}": ${hint}`, severity: 'warning' };
      }
    }
  }
}

/** As expressions find it: in a list, in any of its items. */
function hasField(value: Json | undefined, names: readonly string[]): boolean {
  if (value !== undefined && isList(value)) return value.some((item) => hasField(item, names));
  const [name, ...rest] = names;
  if (name === undefined) return value !== undefined;
  return isJsonObject(value) && Object.hasOwn(value, name) && hasField(value[name], rest);
}

const FIELDS_MAX = 5_000;
const DEPTH_MAX = 12;

function fieldsOf(samples: readonly Json[]): ReadonlySet<string> {
  const fields = new Set<string>();
  const visit = (value: Json | undefined, path: string, depth: number): void => {
    if (value === undefined || depth > DEPTH_MAX || fields.size >= FIELDS_MAX) return;
    if (isList(value)) {
      for (const item of value) visit(item, path, depth + 1);
    } else if (isJsonObject(value)) {
      for (const [name, part] of Object.entries(value)) {
        const field = path === '' ? name : `${path}.${name}`;
        fields.add(field);
        visit(part, field, depth + 1);
      }
    }
  };
  for (const sample of samples) visit(sample, '', 0);
  return fields;
}

/** One that is spelled nearly like it, else the shortest of the same name elsewhere. */
function closestField(names: readonly string[], fields: ReadonlySet<string>): string | undefined {
  const last = names.at(-1) ?? '';
  const near = nearestName(names.join('.'), fields);
  if (near !== undefined) return near;
  return [...fields].filter((field) => field.endsWith(`.${last}`) || field === last).toSorted((one, other) => one.length - other.length)[0];
}
