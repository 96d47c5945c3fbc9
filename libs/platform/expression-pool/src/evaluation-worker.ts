// The script of one worker thread. Under Jest, Node runs this file as it stands and strips the types itself: it may import packages
// and types but no neighbouring file, and use no syntax that takes more than leaving types out.
import type { ExpressionFailed } from '@sluice/expressions';
import jsonata from 'jsonata';
import { parentPort, workerData } from 'node:worker_threads';

export interface WorkerLimits {
  readonly timeLimitMs: number;
  readonly resultBytesMax: number;
  /** The worker writes here when it begins an evaluation (ms since 1970), and 0 is written before. */
  readonly begunAt: Float64Array;
}

export interface Evaluation {
  readonly source: string;
  /** The scope as JSON text: cheaper than a structured clone, and `__proto__` arrives as a plain own key. */
  readonly document: string;
}

/** `ready` is sent once, then one answer for each evaluation; `json` is missing when the result is nothing. */
export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly json?: string }
  | { readonly kind: 'failure'; readonly code: ExpressionFailed['code']; readonly message: string };

const { timeLimitMs, resultBytesMax, begunAt }: WorkerLimits = workerData;

/** Evaluations that are under way at once count as well, and JSONata evaluates the items of a constructor side by side. */
const stackMax = 2000;
/** Of the time limit: a loop that JSONata itself can stop shall not cost the thread. */
const ownTimeShare = 0.8;
const sequenceLengthMax = 200_000;
const cachedLengthMax = 4_000_000;
const messageLengthMax = 500;

// No expression reaches a prototype; should one ever, it finds it closed.
Reflect.deleteProperty(Object.prototype, '__proto__');
Object.freeze(Object.prototype);

const compiled = new Map<string, { readonly expression: jsonata.Expression; readonly length: number }>();
let cachedLength = 0;

/** Least recently used ones go first. What counts is the size of the tree: `??` can make a large one of a short source. */
function compile(source: string): jsonata.Expression {
  const cached = compiled.get(source);
  if (cached !== undefined) {
    compiled.delete(source);
    compiled.set(source, cached);
    return cached.expression;
  }
  const expression = jsonata(source, { timeout: timeLimitMs * ownTimeShare, stack: stackMax, sequence: sequenceLengthMax });
  const { length } = JSON.stringify(expression.ast());
  compiled.set(source, { expression, length });
  cachedLength += length;
  for (const [oldest, entry] of compiled) {
    if (cachedLength <= cachedLengthMax) break;
    compiled.delete(oldest);
    cachedLength -= entry.length;
  }
  return expression;
}

class Unfit extends Error {
  readonly failure: ExpressionFailed['code'];

  constructor(failure: ExpressionFailed['code'], message: string) {
    super(message);
    this.failure = failure;
  }
}

/** JSON has no functions and no infinite numbers; JSON.stringify would pass over both. */
function writeResult(result: unknown): string | undefined {
  const json = JSON.stringify(result, (_key, part: unknown) => {
    if (isFunction(part)) throw new Unfit('expression_type', 'The expression gives a function, not a value');
    if (typeof part === 'number' && !Number.isFinite(part)) throw new Unfit('expression_failed', `Number out of range: ${part}`);
    return part;
  });
  if (json !== undefined && Buffer.byteLength(json) > resultBytesMax) {
    throw new Unfit('expression_too_large', `The result is larger than ${resultBytesMax} bytes`);
  }
  return json;
}

/** JSONata's functions are objects; a payload that imitates their marks has no JavaScript function inside. */
function isFunction(value: unknown): boolean {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null) return false;
  if ('implementation' in value) return typeof value.implementation === 'function';
  if (!('_jsonata_lambda' in value) || !('environment' in value)) return false;
  const { environment } = value;
  return typeof environment === 'object' && environment !== null && 'lookup' in environment && typeof environment.lookup === 'function';
}

async function answer({ source, document }: Evaluation): Promise<Answer> {
  try {
    const json = writeResult(await compile(source).evaluate(JSON.parse(document)));
    return { kind: 'result', json };
  } catch (error) {
    const { code, message } = explain(error);
    return { kind: 'failure', code, message: message.slice(0, messageLengthMax) };
  }
}

const codes: ReadonlyMap<string, ExpressionFailed['code']> = new Map([
  ['D1012', 'expression_timeout'],
  ['D2014', 'expression_too_large'],
  ['D2015', 'expression_too_large'],
]);

function explain(error: unknown): { code: ExpressionFailed['code']; message: string } {
  if (error instanceof Unfit) return { code: error.failure, message: error.message };
  if (error instanceof RangeError) return { code: 'expression_too_large', message: `The expression needs too much: ${error.message}` };
  if (typeof error !== 'object' || error === null || !('message' in error)) return { code: 'expression_failed', message: String(error) };
  const code = 'code' in error ? String(error.code) : '';
  const kind = code.startsWith('S') ? 'expression_syntax' : code.startsWith('T') ? 'expression_type' : 'expression_failed';
  return { code: codes.get(code) ?? kind, message: String(error.message) };
}

parentPort?.on('message', (evaluation: Evaluation) => {
  begunAt[0] = Date.now();
  // The other items of a constructor go on after one has failed: only when the microtasks are done is this thread free again.
  void answer(evaluation).then((message) => setImmediate(() => parentPort?.postMessage(message)));
});
parentPort?.postMessage({ kind: 'ready' } satisfies Answer);
