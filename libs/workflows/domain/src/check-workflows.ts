import type { Graph } from '@sluice/engine';
import { type InputError, isJsonObject, isUuid, type Json, type JsonObject } from '@sluice/kernel';

/** Without a version: of the newest one. */
export interface WorkflowCall {
  readonly workflowId: string;
  readonly version?: number;
}

export interface KnownWorkflow {
  readonly id: string;
  readonly name: string;
  readonly status: 'draft' | 'published' | 'archived';
  /** The newest published version; 0: none yet */
  readonly newest: number;
  /** Of its published versions, those that are called */
  readonly versions: readonly KnownVersion[];
}

export interface KnownVersion {
  readonly version: number;
  /** It has a node of type trigger.manual, where a call begins. */
  readonly startsByHand: boolean;
  readonly calls: readonly WorkflowCall[];
}

interface NamedWorkflow extends WorkflowCall {
  readonly path: string;
  readonly versionPath: string;
}

interface Calling {
  readonly graph: Graph;
  readonly settings: JsonObject;
}

const VERSION_MAX = 2_147_483_647;

/** The calls that configs of `flow.subworkflow` make; what is no id or no version is found by the node's schema. */
export function callsOf(config: Json | undefined): WorkflowCall[] {
  const { workflowId, version } = isJsonObject(config) ? config : {};
  if (!isUuid(workflowId)) return [];
  const isVersion = typeof version === 'number' && Number.isInteger(version) && version >= 1 && version <= VERSION_MAX;
  return [{ workflowId: workflowId.toLowerCase(), ...(isVersion && { version }) }];
}

/** The workflows that nodes call and settings name. */
export function workflowsNamedIn({ graph, settings }: Calling): NamedWorkflow[] {
  const called = graph.nodes.flatMap(({ type, config }, index) => {
    if (type !== 'flow.subworkflow') return [];
    const path = `nodes[${index}].config`;
    return callsOf(config).map((call) => ({ ...call, path: `${path}.workflowId`, versionPath: `${path}.version` }));
  });
  const path = 'settings.errorWorkflow';
  return [...called, ...callsOf({ workflowId: settings['errorWorkflow'] ?? null }).map((call) => ({ ...call, path, versionPath: path }))];
}

/** Workflows that cannot be called: they are not there, not published, have no manual start, or lead back to where they are called. */
export function checkWorkflows(
  { id, name, graph, settings }: Calling & { readonly id: string; readonly name: string },
  known: readonly KnownWorkflow[],
): InputError[] {
  const byId = new Map(known.map((one) => [one.id, one]));
  return workflowsNamedIn({ graph, settings }).flatMap((call) => {
    const { path } = call;
    const isErrorWorkflow = path.startsWith('settings');
    if (isErrorWorkflow && call.workflowId === id) {
      return [{ path, code: 'invalid_settings', message: 'A workflow cannot be its own error workflow: choose another one' }];
    }
    const chain = isErrorWorkflow ? undefined : chainBack(call, id, byId);
    if (chain !== undefined) {
      const names = [name, ...chain.map((one) => byId.get(one)?.name ?? one), name].map((one) => `"${one}"`);
      const message = `The calls lead back to this workflow: ${names.join(' → ')}. Remove one of them`;
      return [{ path, code: 'recursive_subworkflow', message }];
    }
    return problemOf(call, byId.get(call.workflowId));
  });
}

function problemOf({ path, versionPath, workflowId, version }: NamedWorkflow, callee: KnownWorkflow | undefined): InputError[] {
  if (callee === undefined) {
    return [{ path, code: 'unknown_workflow', message: `There is no workflow ${workflowId}: name one of this tenant` }];
  }
  const { name, status, newest } = callee;
  if (status !== 'published') {
    const remedy = status === 'archived' ? 'is archived: call another one' : 'has no published version: publish it first';
    return [{ path, code: 'workflow_not_published', message: `"${name}" ${remedy}` }];
  }
  const called = callee.versions.find((one) => one.version === (version ?? newest));
  if (called === undefined) {
    const message = `"${name}" has no version ${version ?? newest}: its newest is ${newest}`;
    return [{ path: versionPath, code: 'unknown_workflow_version', message }];
  }
  if (called.startsByHand) return [];
  const message = `Version ${called.version} of "${name}" has no node of type trigger.manual, where a call would begin: give it one and publish it`;
  return [{ path, code: 'workflow_not_callable', message }];
}

/** The workflows by which a call leads to the one with this id, itself not included; the shortest way. */
function chainBack(call: WorkflowCall, id: string, byId: ReadonlyMap<string, KnownWorkflow>): readonly string[] | undefined {
  const ways: { readonly call: WorkflowCall; readonly ids: readonly string[] }[] = [{ call, ids: [] }];
  const seen = new Set<string>();
  for (const { call: next, ids } of ways) {
    if (next.workflowId === id) return ids;
    const callee = byId.get(next.workflowId);
    const version = callee?.versions.find((one) => one.version === (next.version ?? callee.newest));
    const key = `${next.workflowId} ${version?.version}`;
    if (seen.has(key)) continue;
    seen.add(key);
    for (const further of version?.calls ?? []) ways.push({ call: further, ids: [...ids, next.workflowId] });
  }
  return undefined;
}
