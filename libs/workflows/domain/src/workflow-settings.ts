import { stripExpression } from '@sluice/expressions';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { checkSettings } from '@sluice/nodes';

/** How many runs of a workflow with the same key may be open at a time, and what becomes of one more. */
export interface Concurrency {
  /** An expression over `trigger` and `customer`, without `{{ }}` */
  readonly key: string;
  readonly limit: number;
  readonly onLimit: 'queue' | 'drop' | 'cancelRunning';
}

/** What an author says of a workflow as a whole, with every default filled in. */
export interface WorkflowSettings {
  /** Of a run, from its start */
  readonly deadlineMs?: number;
  /** The workflow that is started when a run fails or ends incomplete */
  readonly errorWorkflow?: string;
  /** Within a queue */
  readonly priority: 'high' | 'normal' | 'low';
  readonly queue: 'critical' | 'default' | 'bulk';
  readonly concurrency?: Concurrency;
  readonly limits: { readonly nodeRuns: number; readonly events: number; readonly outputBytes: number };
}

const defaultLimits = { nodeRuns: 200_000, events: 1_000_000, outputBytes: 256 * 1024 * 1024 };

/** Total: what a published version says in a way that is not understood (any more) counts as not said. */
export function readSettings(settings: JsonObject): WorkflowSettings {
  const { deadlineMs, errorWorkflow, priority, queue, concurrency, limits } = soundPartOf(settings);
  const given = isJsonObject(limits) ? limits : {};
  return {
    ...(typeof deadlineMs === 'number' && { deadlineMs }),
    ...(typeof errorWorkflow === 'string' && { errorWorkflow: errorWorkflow.toLowerCase() }),
    priority: priority === 'high' || priority === 'low' ? priority : 'normal',
    queue: queue === 'critical' || queue === 'bulk' ? queue : 'default',
    ...(isJsonObject(concurrency) &&
      typeof concurrency['key'] === 'string' && { concurrency: readConcurrency(concurrency, concurrency['key']) }),
    limits: {
      nodeRuns: countOr(given['nodeRuns'], defaultLimits.nodeRuns),
      events: countOr(given['events'], defaultLimits.events),
      outputBytes: countOr(given['outputBytes'], defaultLimits.outputBytes),
    },
  };
}

/** Without the members that publishing would refuse today. */
function soundPartOf(settings: JsonObject): JsonObject {
  const broken = new Set(checkSettings(settings).map(({ path }) => path.split(/[.[]/)[1]));
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !broken.has(name)));
}

const readConcurrency = ({ limit, onLimit }: JsonObject, key: string): Concurrency => ({
  key: stripExpression(key),
  limit: countOr(limit, 1),
  onLimit: onLimit === 'drop' || onLimit === 'cancelRunning' ? onLimit : 'queue',
});

const countOr = (value: Json | undefined, otherwise: number): number => (typeof value === 'number' && value >= 1 ? value : otherwise);
