import { ERROR_HANDLE, IN_DOUBT_HANDLE } from '@sluice/engine';
import { ExpressionFailed, stripExpression } from '@sluice/expressions';
import { isJsonObject, type Json } from '@sluice/kernel';
import { isList } from './config-fields.js';
import type { Drawing, DrawnNode } from './drawing.js';
import type { Finding } from './finding.js';
import { logicIf } from './logic-if.js';
import { logicSwitch } from './logic-switch.js';

/** Ways that are never taken: only what is certain, whatever a run brings. */
export function* checkHandles(drawing: Drawing): Generator<Finding> {
  for (const drawn of drawing.nodes) {
    if (drawn.type === logicIf) yield* checkCondition(drawn);
    if (drawn.type === logicSwitch) yield* checkCases(drawn);
  }
  for (const [index, { source, sourceHandle }] of drawing.edges.entries()) {
    const { type, node } = drawing.byId.get(source) ?? {};
    if (!type || type.kind === 'trigger') continue;
    const path = `edges[${index}].sourceHandle`;
    const onError = node?.policy?.onError;
    if (sourceHandle === ERROR_HANDLE && (onError === 'fail' || onError === 'continue')) {
      const message = `"${source}" is never left by "error", since its \`onError\` is \`${onError}\`: choose \`branch\` or remove the edge`;
      yield { path, code: 'unreachable_handle', message };
    }
    if (sourceHandle === IN_DOUBT_HANDLE && type.kind !== 'effect') {
      const message = `"${source}" is never left by "in_doubt", since it calls nobody outside: remove the edge`;
      yield { path, code: 'unreachable_handle', message, severity: 'warning' };
    }
  }
}

function* checkCondition({ config, path, node }: DrawnNode): Generator<Finding> {
  const holds = literalOf(config['condition']);
  if (holds === undefined) return;
  const message = `The condition is always ${holds}, so "${node.id}" is never left by "${!holds}"`;
  yield { path: `${path}.config.condition`, code: 'unreachable_handle', message, severity: 'warning' };
}

function* checkCases({ config, path }: DrawnNode): Generator<Finding> {
  const { cases } = config;
  const firstOf = new Map<string, number>();
  for (const [index, one] of (cases !== undefined && isList(cases) ? cases : []).entries()) {
    if (!isJsonObject(one)) continue;
    const name = String(one['name']);
    const where = `${path}.config.cases[${index}]`;
    const [member, compared] = 'when' in one ? ['when', conditionOf(one['when'])] : ['equals', equalOf(one['equals'])];
    if (compared === undefined) continue;

    const holds = member === 'when' ? literalOf(one['when']) : undefined;
    if (holds !== undefined) {
      const message = holds
        ? `The case "${name}" always fits, so what stands behind it is never tried`
        : `The case "${name}" never fits: remove it or give it a condition`;
      yield { path: `${where}.when`, code: 'unreachable_handle', message, severity: 'warning' };
      if (holds) return;
      continue;
    }
    const first = firstOf.get(compared);
    firstOf.set(compared, first ?? index);
    if (first === undefined) continue;
    const message = `The case "${name}" can never fit, since cases[${first}] says the same and is tried first: remove one or change it`;
    yield { path: `${where}.${member}`, code: 'unreachable_handle', message };
  }
}

const conditionOf = (when: Json | undefined): string | undefined => {
  const source = sourceOf(when);
  return source === undefined || isFickle(source) ? undefined : `when ${source}`;
};

const equalOf = (equals: Json | undefined): string | undefined => {
  if (equals === undefined) return undefined;
  const text = JSON.stringify(sorted(equals));
  return isFickle(text) ? undefined : `equals ${text}`;
};

/** Written twice, it may well give two values. */
const isFickle = (text: string): boolean => /\$(random|now|millis|shuffle|eval)\b/.test(text);

/** Objects are equal in whatever order their members were written. */
function sorted(value: Json): Json {
  if (isList(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, part]) => [name, sorted(part)]));
}

/** A condition that is written out as `true` or `false`. */
function literalOf(condition: Json | undefined): boolean | undefined {
  const source = sourceOf(condition);
  return source === 'true' ? true : source === 'false' ? false : undefined;
}

function sourceOf(expression: Json | undefined): string | undefined {
  if (typeof expression !== 'string') return undefined;
  try {
    return stripExpression(expression);
  } catch (error) {
    if (error instanceof ExpressionFailed) return undefined;
    throw error;
  }
}
