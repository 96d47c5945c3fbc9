import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { GraphEdge, GraphNode } from '@sluice/engine';
import type { Json, JsonObject } from '@sluice/kernel';
import { PageAnswer } from './query-page.js';

export class WorkflowVersionQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty({ format: 'uuid' })
  readonly workflowId: string;

  @ApiProperty({ description: 'Counts from 1', example: 2 })
  readonly version: number;

  @ApiProperty({ type: Number, nullable: true, description: 'Of the draft that it was made of; null: it came by a rollback' })
  readonly revision: number | null;

  @ApiProperty({ type: Number, nullable: true, description: 'The version that was rolled back to; null: it was published' })
  readonly fromVersion: number | null;

  @ApiProperty({ description: 'Whether new runs follow it' })
  readonly live: boolean;

  @ApiProperty()
  readonly nodeCount: number;

  @ApiProperty({ example: 'key:0190e6ff-5a52-7cc0-9a0c-0d2b4c0a9f3e' })
  readonly publishedBy: string;

  @ApiProperty({ format: 'date-time' })
  readonly publishedAt: string;
}

export class WorkflowVersionDetailQuery extends WorkflowVersionQuery {
  @ApiProperty({ type: 'array', items: { type: 'object' }, description: '`{id, type, name?, config, policy?, position?}`' })
  readonly nodes: readonly GraphNode[];

  @ApiProperty({ type: 'array', items: { type: 'object' }, description: '`{id?, source, target, sourceHandle?}`' })
  readonly edges: readonly GraphEdge[];

  @ApiProperty({ type: 'object', additionalProperties: true })
  readonly settings: JsonObject;
}

export class WorkflowVersionPage extends PageAnswer {
  @ApiProperty({ type: [WorkflowVersionQuery] })
  readonly items: readonly WorkflowVersionQuery[];
}

export const changeKinds = ['added', 'removed', 'changed'] as const;

export class ChangeQuery {
  @ApiProperty({ example: 'config.cases[1].name' })
  readonly path: string;

  @ApiProperty({ enum: changeKinds })
  readonly kind: (typeof changeKinds)[number];

  @ApiPropertyOptional({ nullable: true, description: 'Any JSON; absent where it was added' })
  readonly from?: Json;

  @ApiPropertyOptional({ nullable: true, description: 'Any JSON; absent where it was removed' })
  readonly to?: Json;
}

export class ChangedPartQuery {
  @ApiProperty({ description: 'The node’s or edge’s id; of an edge without one: what it connects' })
  readonly id: string;

  @ApiProperty({ type: [ChangeQuery] })
  readonly changes: readonly ChangeQuery[];
}

export class NodesDiffQuery {
  @ApiProperty({ type: 'array', items: { type: 'object' } })
  readonly added: readonly GraphNode[];

  @ApiProperty({ type: 'array', items: { type: 'object' } })
  readonly removed: readonly GraphNode[];

  @ApiProperty({ type: [ChangedPartQuery] })
  readonly changed: readonly ChangedPartQuery[];
}

export class EdgesDiffQuery {
  @ApiProperty({ type: 'array', items: { type: 'object' } })
  readonly added: readonly GraphEdge[];

  @ApiProperty({ type: 'array', items: { type: 'object' } })
  readonly removed: readonly GraphEdge[];

  @ApiProperty({ type: [ChangedPartQuery] })
  readonly changed: readonly ChangedPartQuery[];
}

export class WorkflowDiffQuery {
  @ApiProperty({ format: 'uuid' })
  readonly workflowId: string;

  @ApiProperty({ description: 'A version, or `draft`', example: '1' })
  readonly from: string;

  @ApiProperty({ description: 'A version, or `draft`', example: 'draft' })
  readonly to: string;

  @ApiProperty()
  readonly identical: boolean;

  @ApiProperty({ type: NodesDiffQuery })
  readonly nodes: NodesDiffQuery;

  @ApiProperty({ type: EdgesDiffQuery })
  readonly edges: EdgesDiffQuery;

  @ApiProperty({ type: [ChangeQuery] })
  readonly settings: readonly ChangeQuery[];
}

export class ExportOmissionQuery {
  @ApiProperty({ example: 'nodes[2].config.headers.Authorization' })
  readonly path: string;

  @ApiProperty({ enum: ['secret', 'reference'] })
  readonly reason: 'secret' | 'reference';
}

export class WorkflowExportQuery {
  @ApiProperty({ enum: ['sluice.workflow'] })
  readonly format: 'sluice.workflow';

  @ApiProperty({ enum: [1] })
  readonly formatVersion: 1;

  @ApiProperty()
  readonly name: string;

  @ApiProperty({ type: String, nullable: true })
  readonly description: string | null;

  @ApiProperty({ type: [String] })
  readonly tags: readonly string[];

  @ApiProperty({ type: 'object', additionalProperties: true })
  readonly settings: JsonObject;

  @ApiProperty({ type: 'array', items: { type: 'object' } })
  readonly nodes: readonly JsonObject[];

  @ApiProperty({ type: 'array', items: { type: 'object' } })
  readonly edges: readonly JsonObject[];

  @ApiProperty({ type: [ExportOmissionQuery], description: 'What was left out, to be filled in where the document is taken in' })
  readonly omitted: readonly ExportOmissionQuery[];
}
