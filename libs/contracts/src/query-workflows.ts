import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { GraphEdge, GraphNode } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { PageAnswer } from './query-page.js';
import { WorkflowEdgeCommand, WorkflowNodeCommand } from './workflow-definition.command.js';

export const workflowStatuses = ['draft', 'published', 'archived'] as const;

export class WorkflowMetadataQuery {
  @ApiProperty({ format: 'date-time' })
  readonly createdAt: string;

  @ApiProperty({ format: 'date-time' })
  readonly updatedAt: string;

  @ApiProperty({ example: 'key:0190e6ff-5a52-7cc0-9a0c-0d2b4c0a9f3e' })
  readonly createdBy: string;

  @ApiProperty({ type: [String] })
  readonly tags: readonly string[];

  @ApiProperty({ description: 'Runs started so far' })
  readonly executionCount: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly lastExecuted: string | null;
}

export class WorkflowDefinitionQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty({ format: 'uuid' })
  readonly tenantId: string;

  @ApiProperty()
  readonly name: string;

  @ApiProperty({ type: String, nullable: true })
  readonly description: string | null;

  @ApiProperty({ enum: workflowStatuses })
  readonly status: (typeof workflowStatuses)[number];

  @ApiProperty({ description: 'Of the draft: what `If-Match` takes' })
  readonly revision: number;

  @ApiProperty({ description: 'The newest published version; 0: none yet' })
  readonly version: number;

  @ApiProperty({ description: 'The revision that the newest version was made of; 0: none yet' })
  readonly publishedRevision: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly publishedAt: string | null;

  @ApiProperty({ type: [WorkflowNodeCommand], description: 'Of the draft' })
  readonly nodes: readonly GraphNode[];

  @ApiProperty({ type: [WorkflowEdgeCommand], description: 'Of the draft' })
  readonly edges: readonly GraphEdge[];

  @ApiProperty({ type: [String] })
  readonly tags: readonly string[];

  @ApiProperty({ type: 'object', additionalProperties: true })
  readonly settings: JsonObject;

  @ApiProperty({ type: WorkflowMetadataQuery })
  readonly metadata: WorkflowMetadataQuery;
}

export class WorkflowPage extends PageAnswer {
  @ApiProperty({ type: [WorkflowDefinitionQuery] })
  readonly items: readonly WorkflowDefinitionQuery[];
}

export class NodeExampleQuery {
  @ApiProperty({ example: 'Goes on by `true` when the condition holds; its output is its input.' })
  readonly says: string;

  @ApiProperty({ type: 'object', additionalProperties: true, example: { condition: "trigger.text = 'hello'" } })
  readonly config: JsonObject;
}

export class NodeTypeQuery {
  @ApiProperty({ example: 'logic.if' })
  readonly type: string;

  @ApiProperty()
  readonly title: string;

  @ApiProperty()
  readonly description: string;

  @ApiProperty({ enum: ['trigger', 'pure', 'task', 'effect'] })
  readonly kind: 'trigger' | 'pure' | 'task' | 'effect';

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description:
      'JSON Schema of the config. Beside what is standard: `format: "expression"`, an expression with or without `{{ }}` (texts elsewhere may ' +
      'contain `{{ }}`); `literal: true`, no template here; `deferred: true`, evaluated anew for each item or event, ' +
      'with the names of `locals` beside the others; `handle`, see `handles`',
  })
  readonly configSchema: JsonObject;

  @ApiProperty({
    type: [String],
    description:
      'The handles that a new node of this type is left by, without `error`. Fields of the config add others: with `handle: true` in their ' +
      'schema the one named by their value, with `handle: "name"` that one as soon as they are set',
  })
  readonly handles: readonly string[];

  @ApiPropertyOptional({ enum: [true], description: 'What lies behind its handle `item` runs once for each item' })
  readonly loop?: true;

  @ApiProperty({ type: [NodeExampleQuery], description: 'Configs that can be published' })
  readonly examples: readonly NodeExampleQuery[];

  @ApiPropertyOptional({ enum: ['idempotent', 'at_least_once', 'at_most_once', 'verify'], description: 'After an unknown outcome' })
  readonly effect?: 'idempotent' | 'at_least_once' | 'at_most_once' | 'verify';

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, description: 'Where it differs from the general one' })
  readonly policy?: object;
}

export class NodeTypeList {
  @ApiProperty({ type: [NodeTypeQuery] })
  readonly items: readonly NodeTypeQuery[];
}
