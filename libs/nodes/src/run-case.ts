import type { Graph } from '@sluice/engine';
import { ExpressionFailed, type Scope, type SlowEvaluator, StepBudget, truthy } from '@sluice/expressions';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { checkGraph } from './check-graph.js';
import type { Finding } from './finding.js';
import { compileWorkflow, evaluateConfig, evaluateDeferred, type NodeProgram } from './compile-workflow.js';
import type { NodeCase } from './node-cases.js';
import {
  type EffectTools,
  NodeFailure,
  type NodeInput,
  type NodeType,
  type OutboundRequest,
  type OutboundResponse,
  type SendBudget,
  type StateAddress,
  type StoredState,
  type TaskTools,
} from './node-type.js';

/** When the cases happen. */
export const CASE_TIME = new Date('2026-06-01T12:00:00Z');

const HOUR_BEFORE = '2026-06-01T11:00:00Z';

/** What a case did, in the words of a NodeCase. */
export interface CaseResult {
  readonly gives: NodeCase['gives'];
  readonly sends: readonly OutboundRequest[];
  /** All that is kept afterwards, by `scope/key` */
  readonly leaves: Readonly<Record<string, StoredState>>;
  readonly responds?: Parameters<TaskTools['respond']>[0];
  /** Whether the condition let each event of the case through */
  readonly fits: readonly boolean[];
  /** The calls that were taken from each budget of an account */
  readonly paced: readonly SendBudget[];
  /** What `gives` has the code of */
  readonly failure?: NodeFailure;
}

/** What the cases cannot bring along: JSONata that is not evaluated in process, a sandbox for code, and a target that is really there. */
export interface CaseTools {
  readonly slow?: SlowEvaluator;
  readonly runCode?: TaskTools['runCode'];
  /** In place of the case's answers */
  readonly send?: EffectTools['send'];
  readonly providerApi?: EffectTools['providerApi'];
  readonly pace?: EffectTools['pace'];
  readonly idempotencyKey?: string;
  readonly accessToken?: string;
}

/** Does what a case says as a real run would: checks, compiles, evaluates the config and runs the node, with everything outside made up. */
export async function runCase(type: NodeType, nodeCase: NodeCase, tools: CaseTools = {}): Promise<CaseResult> {
  const { slow = notThere } = tools;
  const outside = new Outside(type, nodeCase, tools);
  const [refusal] = refusalsOf(type, nodeCase.config);
  if (refusal) return outside.result({ refused: refusal.code });

  const scope = scopeOf(nodeCase);
  try {
    const program = programOf(type, nodeCase.config);
    const steps = new StepBudget();
    const config = await evaluateConfig(program, scope, slow, steps);
    const { input, trigger } = scope;
    const evaluate: NodeInput['evaluate'] = (field, locals) => evaluateDeferred(program, field, { ...scope, ...locals }, slow, steps);
    const gives = await outcomeOf(type, { config, input, trigger, now: CASE_TIME, evaluate }, outside);
    const fits: boolean[] = [];
    for (const { event } of nodeCase.events ?? []) fits.push(truthy(await evaluate('condition', { event })));
    return outside.result(gives, fits);
  } catch (error) {
    if (error instanceof NodeFailure) return { ...outside.result({ fails: error.code }), failure: error };
    if (error instanceof ExpressionFailed) return outside.result({ fails: error.code });
    throw error;
  }
}

/** Why publishing refuses the config, whatever is connected to the node. */
export function refusalsOf(type: NodeType, config: JsonObject): Finding[] {
  const codes = ['invalid_config', 'invalid_handle', 'invalid_expression'];
  const { nodes } = graphOf(type, config);
  return checkGraph(graphOf(type, config)).filter(
    ({ path, code }) => path.startsWith(`nodes[${nodes.length - 1}].config`) && codes.includes(code),
  );
}

/** The node behind a manual start, or a trigger by itself. */
function graphOf(type: NodeType, config: JsonObject): Graph {
  const node = { id: 'it', type: type.type, config };
  if (type.kind === 'trigger') return { nodes: [node], edges: [] };
  return { nodes: [{ id: 'start', type: 'trigger.manual', config: {} }, node], edges: [{ source: 'start', target: 'it' }] };
}

function programOf(type: NodeType, config: JsonObject): NodeProgram {
  const program = compileWorkflow(graphOf(type, config)).programs.get('it');
  if (!program) throw new Error('The node was not compiled.');
  return program;
}

const scopeOf = ({ input = null, trigger = null }: NodeCase): Scope => ({
  trigger,
  input,
  nodes: {},
  execution: {},
  workflow: {},
  customer: {},
  env: {},
});

async function outcomeOf(type: NodeType, node: NodeInput, outside: Outside): Promise<JsonObject> {
  switch (type.kind) {
    case 'trigger':
      return { kind: 'done', handle: type.handles(node.config)[0] ?? '', output: node.input };
    case 'pure':
      return asJson(await type.run(node));
    case 'task':
      return asJson(await type.run(node, outside.taskTools));
    case 'effect':
      return asJson(await type.run(node, outside.effectTools));
  }
}

/** As it is kept: times as texts, without what is undefined. */
const asJson = (outcome: object): JsonObject => JSON.parse(JSON.stringify(outcome));

const notThere = (): Promise<never> => Promise.reject(new Error('This case needs a tool that it was not given.'));

/** What lies around a node, made up from its case; writes down what the node does to it. */
class Outside {
  private readonly requests: OutboundRequest[] = [];
  private readonly state: Map<string, StoredState>;
  private readonly paced: SendBudget[] = [];
  private response: CaseResult['responds'];

  constructor(
    private readonly type: NodeType,
    private readonly nodeCase: NodeCase,
    private readonly tools: CaseTools,
  ) {
    this.state = new Map(Object.entries(nodeCase.state ?? {}));
  }

  get taskTools(): TaskTools {
    return {
      signal: new AbortController().signal,
      runCode: this.tools.runCode ?? notThere,
      readState: (address) => Promise.resolve(this.state.get(keyOf(address))),
      respond: (answer) => {
        const isFirst = this.response === undefined;
        this.response ??= answer;
        return Promise.resolve(isFirst);
      },
    };
  }

  get effectTools(): EffectTools {
    const { provider = this.type.type.split('.', 1)[0] ?? '', channelConfig: config = {}, lastMessageAt = HOUR_BEFORE } = this.nodeCase;
    const { idempotencyKey = 'key-1', accessToken = 'token-1' } = this.tools;
    return {
      idempotencyKey,
      signal: new AbortController().signal,
      writeState: (address, change) => {
        const key = keyOf(address);
        const there = this.state.get(key);
        const version = there?.version ?? 0;
        if (change.ifVersion !== undefined && change.ifVersion !== version) return Promise.resolve({ written: false, now: there });
        if (change.value === undefined) this.state.delete(key);
        else this.state.set(key, { value: change.value, version: version + 1 });
        return Promise.resolve({ written: true, now: this.state.get(key) });
      },
      send: (request) => this.answer(request),
      channel: (id) => Promise.resolve({ id, provider, externalAccountId: '17841', config, accessToken }),
      pace: async (channel, budgets) => {
        await this.tools.pace?.(channel, budgets);
        this.paced.push(...budgets);
      },
      replyToken: (event) => tokenIn(event),
      lastMessageAt: () => Promise.resolve(lastMessageAt === null ? undefined : new Date(lastMessageAt)),
      credential: () => Promise.resolve({ secret: { type: 'bearer', token: 'token-1' }, allowedHosts: ['api.example.com'] }),
      providerApi: this.tools.providerApi ?? ((name) => `https://graph.${name}.example`),
    };
  }

  result(gives: CaseResult['gives'], fits: readonly boolean[] = []): CaseResult {
    const { requests, response, paced } = this;
    return { gives, sends: requests, leaves: Object.fromEntries(this.state), fits, paced, ...(response && { responds: response }) };
  }

  private async answer(request: OutboundRequest): Promise<OutboundResponse> {
    const { answers = [] } = this.nodeCase;
    const answer = answers[this.requests.push(request) - 1];
    if (this.tools.send) return this.tools.send(request);
    if (!answer) throw new Error(`The case has ${answers.length} answers, and the node asks once more: ${request.method} ${request.url}`);
    const { status, headers = {}, body } = answer;
    const type = typeof body === 'string' ? 'text/plain' : 'application/json';
    return { status, headers: { 'content-type': type, ...headers }, body: Buffer.from(textOf(body)) };
  }
}

/** Sealed with base64 */
function tokenIn(event: Json): string | undefined {
  const token = isJsonObject(event) ? event['replyToken'] : undefined;
  return isJsonObject(token) ? Buffer.from(String(token['sealed']), 'base64').toString() : undefined;
}

const textOf = (body: Json | undefined): string => (typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body));

const keyOf = ({ scope, key }: StateAddress): string => `${scope}/${key}`;
