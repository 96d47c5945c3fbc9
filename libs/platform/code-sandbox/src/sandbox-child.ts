// The script of one sandbox process. Under Jest, Node runs this file as it stands and strips the types itself: it may import packages
// and types but no neighbouring file, and use no syntax that takes more than leaving types out.
import loaded from '@jitl/quickjs-wasmfile-release-sync';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSSyncVariant,
  type QuickJSWASMModule,
} from 'quickjs-emscripten-core';

export interface Job {
  readonly source: string;
  /** An object as JSON text; its members become constants of the code. */
  readonly values: string;
  /** Of CPU time, so a busy machine does not shorten it */
  readonly timeoutMs: number;
  readonly memoryMb: number;
  readonly resultBytesMax: number;
}

export type FailureCode = 'code_syntax' | 'code_threw' | 'code_timeout' | 'code_out_of_memory' | 'code_result_invalid' | 'code_crashed';

/** `ready` is sent once, then one answer for each job. */
export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly json: string }
  /** `line` counts from 1 in the author's source. */
  | { readonly kind: 'failure'; readonly code: FailureCode; readonly message: string; readonly line?: number };

/** What one job may take at most, whatever its own limit: WebAssembly refuses to grow beyond. */
const wasmMb = 160;
const wasmPagesPerMb = 16;
const wasmPagesAtStart = 256;
const stackBytesMax = 256 * 1024;
const messageLengthMax = 500;
const resultDepthMax = 64;
const jobsBetweenChecks = 100;
const fileName = 'code';
/** Of the function that is put around the source */
const linesBefore = 1;

/**
 * Runs inside QuickJS, from its source text, before the author's code: it sees nothing of this file, and keeps the built-ins that the
 * code may replace afterwards.
 */
function prelude(depthMax: number) {
  const { parse, stringify } = JSON;
  const { create, defineProperty, keys } = Object;
  const { apply } = Reflect;
  const { isArray } = Array;
  const { isFinite } = Number;
  const { test } = RegExp.prototype;
  const special: readonly (readonly [typeof Promise | typeof Map | typeof Set, string])[] = [
    [Promise, 'a promise (await it)'],
    [Map, 'a Map (use Object.fromEntries)'],
    [Set, 'a Set (use Array.from)'],
  ];
  const word = /^[A-Za-z_$][\w$]*$/;

  class Unfit {
    readonly problem: string;
    constructor(problem: string) {
      this.problem = problem;
    }
  }

  interface Place {
    readonly object: object;
    readonly path: string;
    readonly depth: number;
    readonly above: Place | undefined;
  }

  const at = (path: string) => (path === '' ? '' : ` at \`${path}\``);

  function join(path: string, key: string): string {
    if (!apply(test, word, [key])) return `${path}[${stringify(key)}]`;
    return path === '' ? key : `${path}.${key}`;
  }

  /** A copy without prototypes, in which JSON.stringify finds no `toJSON`. `undefined`: nothing to write. */
  function plain(given: unknown, key: string, path: string, above: Place | undefined): unknown {
    let value = given;
    if (typeof value === 'object' && value !== null && 'toJSON' in value) {
      const { toJSON } = value;
      if (typeof toJSON === 'function') value = apply(toJSON, value, [key]);
    }
    switch (typeof value) {
      case 'function':
      case 'symbol':
        throw new Unfit(`a ${typeof value}${at(path)}`);
      case 'bigint':
        throw new Unfit(`a BigInt${at(path)} (use Number or String)`);
      case 'number':
        if (!isFinite(value)) throw new Unfit(`${value}${at(path)}`);
        return value;
      case 'object':
        return value === null ? null : copy(value, path, above);
      default:
        return value;
    }
  }

  function copy(object: object, path: string, above: Place | undefined): unknown {
    for (const [type, name] of special) if (object instanceof type) throw new Unfit(`${name}${at(path)}`);
    for (let place = above; place !== undefined; place = place.above) {
      if (place.object === object) throw new Unfit(`a circle: \`${path}\` is ${place.path === '' ? 'the whole result' : place.path}`);
    }
    const here: Place = { object, path, depth: (above?.depth ?? 0) + 1, above };
    if (here.depth > depthMax) throw new Unfit(`more than ${depthMax} levels`);
    const target = create(null);
    if (isArray(object)) {
      const { length } = object;
      const list: unknown[] = [];
      for (let index = 0; index < length; index += 1) {
        const value = plain(object[index], `${index}`, `${path}[${index}]`, here) ?? null;
        defineProperty(list, index, { value, enumerable: true, configurable: true, writable: true });
      }
      return list;
    }
    for (const key of keys(object)) {
      const part = plain(Reflect.get(object, key), key, join(path, key), here);
      if (part !== undefined) target[key] = part;
    }
    return target;
  }

  return {
    /** Makes each member of the object a constant. */
    define(json: string): void {
      const values = parse(json);
      for (const name of keys(values)) defineProperty(globalThis, name, { value: values[name], enumerable: true });
    },

    /** `['json', text]`, or `['problem', what is no JSON and where]` */
    write(result: unknown): [string, string] {
      try {
        return ['json', stringify(plain(result, '', '', undefined) ?? null)];
      } catch (error) {
        if (error instanceof Unfit) return ['problem', error.problem];
        throw error;
      }
    },

    /** Name, message and stack of whatever was thrown */
    explain(error: unknown): [string, string, string] {
      try {
        if (error instanceof Error) return [`${error.name}`, `${error.message}`, `${error.stack}`];
        return ['', typeof error === 'object' ? stringify(error) : String(error), ''];
      } catch {
        return ['', 'Something was thrown that cannot be shown', ''];
      }
    },
  };
}

/** The code did not come to a result. */
class Failed extends Error {
  readonly failure: FailureCode;
  readonly line: number | undefined;

  constructor(failure: FailureCode, message: string, line?: number) {
    super(message);
    this.failure = failure;
    this.line = line;
  }
}

/** Neither the language's types nor Node's know it. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  readonly Memory: new (pages: { readonly initial: number; readonly maximum: number }) => object;
};

const isVariant = (value: object): value is QuickJSSyncVariant => 'importFFI' in value;
/** The package's types are those of its CommonJS build, which has one `default` more. */
const variant = isVariant(loaded) ? loaded : loaded.default;
const wasm = await WebAssembly.compile(readFileSync(fileURLToPath(import.meta.resolve('@jitl/quickjs-wasmfile-release-sync/wasm'))));

/** Every job has an instance, and so a memory, of its own: not even a fault of QuickJS leads from one to the next. */
function instantiate(): Promise<QuickJSWASMModule> {
  const wasmMemory = new WebAssembly.Memory({ initial: wasmPagesAtStart, maximum: wasmMb * wasmPagesPerMb });
  return newQuickJSWASMModuleFromVariant(newVariant(variant, { wasmModule: wasm, wasmMemory }));
}

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

class Run {
  private isOver = false;
  private endsAt = Infinity;
  private readonly runtime: QuickJSRuntime;
  private readonly context: QuickJSContext;
  private readonly tools: QuickJSHandle;

  private readonly job: Job;

  constructor(quickJs: QuickJSWASMModule, job: Job) {
    this.job = job;
    this.runtime = quickJs.newRuntime();
    this.runtime.setMemoryLimit(job.memoryMb * 1024 * 1024);
    this.runtime.setMaxStackSize(stackBytesMax);
    this.runtime.setInterruptHandler(() => this.checkTime());
    this.context = this.runtime.newContext();
    this.tools = this.context.unwrapResult(this.context.evalCode(`(${prelude.toString()})(${resultDepthMax})`, 'prelude'));
  }

  /** Nothing is disposed of: the whole instance goes. Throws Failed. */
  result(): string {
    const { context, job } = this;
    this.must(this.tool('define', context.newString(job.values)));
    this.endsAt = cpuMs() + job.timeoutMs;

    const wrapped = `(async () => {\n${job.source}\n})`;
    const made = context.evalCode(wrapped, fileName, { type: 'global', strict: true });
    if (made.error !== undefined) throw this.failure(made.error, 'code_syntax');
    // Braces may close what we opened (publishing refuses that). It leads nowhere: there is nothing else in here.
    if (context.typeof(made.value) !== 'function') throw new Failed('code_syntax', 'SyntaxError: unexpected `}`');
    const promise = this.must(context.callFunction(made.value, context.undefined));
    this.settle();

    const state = context.getPromiseState(promise);
    if (state.type === 'rejected') throw this.failure(state.error, 'code_threw');
    if (state.type === 'pending') {
      const message = 'The code waits for a promise that nothing settles: it has no timers and no network';
      throw new Failed('code_result_invalid', message);
    }
    const [kind, text] = this.texts(this.must(this.tool('write', state.value)), 2);
    if (kind === 'problem') throw new Failed('code_result_invalid', `The result is no JSON: it has ${text}`);
    const bytes = Buffer.byteLength(text ?? '');
    if (bytes <= job.resultBytesMax) return text ?? '';
    throw new Failed('code_result_invalid', `The result has ${bytes} bytes; ${job.resultBytesMax} are allowed. Return what is needed`);
  }

  private checkTime(): boolean {
    this.isOver ||= cpuMs() > this.endsAt;
    return this.isOver;
  }

  /** Until no promise has anything left to do */
  private settle(): void {
    for (;;) {
      const ran = this.runtime.executePendingJobs(jobsBetweenChecks);
      if (ran.error !== undefined) throw this.failure(ran.error, 'code_threw');
      if (this.checkTime()) throw this.timeout();
      if (ran.value === 0) return;
    }
  }

  private tool(name: 'define' | 'write' | 'explain', argument: QuickJSHandle) {
    return this.context.callFunction(this.context.getProp(this.tools, name), this.context.undefined, argument);
  }

  private must(outcome: ReturnType<Run['tool']>): QuickJSHandle {
    if (outcome.error !== undefined) throw this.failure(outcome.error, 'code_threw');
    return outcome.value;
  }

  private texts(list: QuickJSHandle, length: number): string[] {
    return Array.from({ length }, (_, index) => this.context.getString(this.context.getProp(list, index)));
  }

  private failure(error: QuickJSHandle, code: FailureCode): Failed {
    if (this.checkTime()) return this.timeout();
    // What QuickJS throws when there is no memory for an error; whoever throws null himself is told so.
    if (this.context.eq(error, this.context.null)) return this.outOfMemory(', or it has thrown null');
    const explained = this.tool('explain', error);
    // Another error while it was told: there was no memory left for it, or no time.
    if (explained.error !== undefined) return this.checkTime() ? this.timeout() : this.outOfMemory();
    const [name = '', message = '', stack = ''] = this.texts(explained.value, 3);
    if (name === 'InternalError' && message === 'out of memory') return this.outOfMemory();
    const said = name === '' || name === 'Error' ? message : `${name}: ${message}`;
    return new Failed(code, said.slice(0, messageLengthMax), this.lineIn(stack));
  }

  private lineIn(stack: string): number | undefined {
    const line = Number(/\bcode:(\d+)/.exec(stack)?.[1]) - linesBefore;
    return line >= 1 && line <= this.job.source.split('\n').length ? line : undefined;
  }

  private timeout(): Failed {
    return new Failed('code_timeout', `The code takes more than ${this.job.timeoutMs} ms`);
  }

  private outOfMemory(or = ''): Failed {
    return new Failed('code_out_of_memory', `The code needs more than ${this.job.memoryMb} MB of memory${or}`);
  }
}

function answer(quickJs: QuickJSWASMModule, job: Job): Answer {
  try {
    return { kind: 'result', json: new Run(quickJs, job).result() };
  } catch (error) {
    if (error instanceof Failed) {
      return { kind: 'failure', code: error.failure, message: error.message, ...(error.line === undefined ? {} : { line: error.line }) };
    }
    // The stack of this process was full before that of QuickJS.
    if (error instanceof RangeError) return { kind: 'failure', code: 'code_threw', message: 'InternalError: stack overflow' };
    return { kind: 'failure', code: 'code_crashed', message: 'The sandbox broke down on this code' };
  }
}

/** What was needed to come up is given back: files, and the user that started the service if it may do everything. */
function giveUpRights(): void {
  const { permission } = process;
  if ('drop' in permission && typeof permission.drop === 'function') permission.drop('fs.read');
  if (process.getuid?.() !== 0) return;
  const nobody = 65_534;
  try {
    process.setgroups?.([]);
    process.setgid?.(nobody);
    process.setuid?.(nobody);
  } catch {
    // A root without the capability to become another user has little to give up.
  }
}

let prepared = instantiate();
await prepared;
giveUpRights();

/** The next instance is made ready before the next job comes. */
async function serve(job: Job): Promise<void> {
  process.send?.(answer(await prepared, job));
  prepared = instantiate();
}

process.on('message', (job: Job) => void serve(job));
process.on('disconnect', () => process.exit());
process.send?.({ kind: 'ready' } satisfies Answer);
