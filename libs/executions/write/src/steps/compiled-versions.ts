import { Injectable } from '@nestjs/common';
import type { Graph } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { type CompiledWorkflow, compileWorkflow } from '@sluice/nodes';
import { ServiceDatabase } from '@sluice/platform-database';
import { readSettings, type WorkflowSettings } from '@sluice/workflows-domain';

export interface PublishedVersion {
  readonly id: string;
  readonly tenantId: string;
  readonly workflowId: string;
  readonly version: number;
  readonly settings: WorkflowSettings;
  readonly compiled: CompiledWorkflow;
}

/** A version that publishing would have refused: written by hand, or by a release that judged otherwise. */
export interface BrokenVersion {
  readonly id: string;
  readonly brokenBecause: string;
}

export const isBroken = (version: PublishedVersion | BrokenVersion): version is BrokenVersion => 'brokenBecause' in version;

const keptMax = 500;

/** Published versions, compiled once. They never change, so they are the only thing a worker may keep for as long as it likes. */
@Injectable()
export class CompiledVersions {
  private readonly kept = new Map<string, PublishedVersion | BrokenVersion>();

  constructor(private readonly database: ServiceDatabase) {}

  /** Those of `ids` that exist, by id. */
  async get(ids: readonly string[]): Promise<ReadonlyMap<string, PublishedVersion | BrokenVersion>> {
    const wanted = [...new Set(ids)];
    // Answered from what is found here: while this waits, others may push a version out of those that are kept.
    const found = new Map(wanted.flatMap((id) => (this.kept.has(id) ? [[id, this.touch(id)] as const] : [])));
    const missing = wanted.filter((id) => !found.has(id));
    if (missing.length > 0) {
      const { rows } = await this.database.pool.query<{
        id: string;
        tenant_id: string;
        workflow_id: string;
        version: number;
        graph: Graph;
        settings: JsonObject;
      }>('SELECT id, tenant_id, workflow_id, version, graph, settings FROM workflow_versions WHERE id = ANY ($1)', [missing]);
      for (const row of rows) {
        const version = compiled(row.graph, {
          id: row.id,
          tenantId: row.tenant_id,
          workflowId: row.workflow_id,
          version: row.version,
          settings: readSettings(row.settings),
        });
        this.kept.set(row.id, version);
        found.set(row.id, version);
      }
    }
    for (const id of this.kept.keys()) {
      if (this.kept.size <= keptMax) break;
      this.kept.delete(id);
    }
    return found;
  }

  private touch(id: string): PublishedVersion | BrokenVersion {
    const version = this.kept.get(id);
    if (version === undefined) throw new RangeError(`version ${id} is not kept`);
    this.kept.delete(id);
    this.kept.set(id, version);
    return version;
  }
}

function compiled(graph: Graph, version: Omit<PublishedVersion, 'compiled'>): PublishedVersion | BrokenVersion {
  try {
    return { ...version, compiled: compileWorkflow(graph) };
  } catch (error) {
    return { id: version.id, brokenBecause: error instanceof Error ? error.message : String(error) };
  }
}
