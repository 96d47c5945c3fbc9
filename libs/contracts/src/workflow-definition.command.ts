import type { GraphEdge, GraphNode, NodePolicy, RetryPolicy } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { ApiProperty, ApiPropertyOptional, PartialType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { limits } from './limits.js';

/** Absent or valid; unlike `@IsOptional`, null is not absent. */
export const IfPresent = () => ValidateIf((_, value: unknown) => value !== undefined);

export const nameCharactersMax = limits.nameCharacters;
const dayMs = 86_400_000;

const exampleNodes = [
  { id: 'message', type: 'trigger.webhook', config: {} },
  { id: 'lookup', type: 'http.request', config: { method: 'GET', url: 'https://shop.example.com' }, policy: { retry: { maxAttempts: 3 } } },
];
const exampleEdges = [{ source: 'message', target: 'lookup' }];

const notBlank = { message: '$property must not be blank' };

export class NodeRetryCommand implements RetryPolicy {
  @ApiPropertyOptional({ minimum: 1, maximum: 100, default: 3, description: 'Attempts in all, the first included' })
  @IfPresent()
  @IsInt()
  @Min(1)
  @Max(100)
  maxAttempts?: number;

  @ApiPropertyOptional({ enum: ['exponential', 'fixed'], default: 'exponential' })
  @IfPresent()
  @IsIn(['exponential', 'fixed'])
  backoff?: 'exponential' | 'fixed';

  @ApiPropertyOptional({ default: 5000, description: 'Milliseconds before the second attempt' })
  @IfPresent()
  @IsInt()
  @Min(0)
  @Max(dayMs)
  delayMs?: number;

  @ApiPropertyOptional({ default: 300_000, description: 'Milliseconds before any attempt, at most; `delayMs` if that is more' })
  @IfPresent()
  @IsInt()
  @Min(0)
  @Max(dayMs)
  maxDelayMs?: number;

  @ApiPropertyOptional({ default: true })
  @IfPresent()
  @IsBoolean()
  jitter?: boolean;
}

export class NodePolicyCommand implements NodePolicy {
  @ApiPropertyOptional({ default: 30_000 })
  @IfPresent()
  @IsInt()
  @Min(1)
  @Max(600_000)
  timeoutMs?: number;

  @ApiPropertyOptional({ type: NodeRetryCommand })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => NodeRetryCommand)
  retry?: NodeRetryCommand;

  @ApiPropertyOptional({ enum: ['fail', 'continue', 'branch'] })
  @IfPresent()
  @IsIn(['fail', 'continue', 'branch'])
  onError?: 'fail' | 'continue' | 'branch';

  @ApiPropertyOptional({ enum: ['idempotent', 'at_least_once', 'at_most_once', 'verify'] })
  @IfPresent()
  @IsIn(['idempotent', 'at_least_once', 'at_most_once', 'verify'])
  effect?: 'idempotent' | 'at_least_once' | 'at_most_once' | 'verify';
}

export class NodePositionCommand {
  @ApiProperty()
  @IsNumber()
  x: number;

  @ApiProperty()
  @IsNumber()
  y: number;
}

export class WorkflowNodeCommand implements GraphNode {
  @ApiProperty({ example: 'reply', description: 'To be published: 1 to 64 letters, digits, "_" or "-", unique in the workflow' })
  @IsString()
  @Length(1, limits.nodeIdCharacters)
  id: string;

  @ApiProperty({ example: 'instagram.sendMessage' })
  @IsString()
  @Length(1, limits.nodeTypeCharacters)
  type: string;

  @ApiPropertyOptional({ maxLength: nameCharactersMax })
  @IfPresent()
  @IsString()
  @MaxLength(nameCharactersMax)
  name?: string;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, description: "By the type's JSON schema, see GET /api/node-types" })
  @IsObject()
  config: JsonObject = {};

  @ApiPropertyOptional({ type: NodePolicyCommand })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => NodePolicyCommand)
  policy?: NodePolicyCommand;

  @ApiPropertyOptional({ type: NodePositionCommand })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => NodePositionCommand)
  position?: NodePositionCommand;
}

export class WorkflowEdgeCommand implements GraphEdge {
  @ApiPropertyOptional()
  @IfPresent()
  @IsString()
  @MaxLength(limits.edgeIdCharacters)
  id?: string;

  @ApiProperty({ example: 'trigger' })
  @IsString()
  @Length(1, limits.nodeIdCharacters)
  source: string;

  @ApiProperty({ example: 'reply' })
  @IsString()
  @Length(1, limits.nodeIdCharacters)
  target: string;

  @ApiPropertyOptional({ default: 'out', description: '`true`, `false`, a case name, `error` …' })
  @IfPresent()
  @IsString()
  @Length(1, nameCharactersMax)
  sourceHandle?: string;
}

export class WorkflowDefinitionCommand {
  @ApiProperty({ maxLength: nameCharactersMax, example: 'Answer questions' })
  @IsString()
  @Length(1, nameCharactersMax)
  @Matches(/\S/, notBlank)
  name: string;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: limits.descriptionCharacters })
  @IsOptional()
  @IsString()
  @MaxLength(limits.descriptionCharacters)
  description?: string | null;

  @ApiPropertyOptional({ type: [WorkflowNodeCommand], maxItems: limits.nodes, example: exampleNodes })
  @IfPresent()
  @IsArray()
  @ArrayMaxSize(limits.nodes)
  @ValidateNested({ each: true })
  @Type(() => WorkflowNodeCommand)
  nodes?: WorkflowNodeCommand[];

  @ApiPropertyOptional({ type: [WorkflowEdgeCommand], maxItems: limits.edges, example: exampleEdges })
  @IfPresent()
  @IsArray()
  @ArrayMaxSize(limits.edges)
  @ValidateNested({ each: true })
  @Type(() => WorkflowEdgeCommand)
  edges?: WorkflowEdgeCommand[];

  @ApiPropertyOptional({ type: [String], maxItems: limits.tags })
  @IfPresent()
  @IsArray()
  @ArrayMaxSize(limits.tags)
  @ArrayUnique()
  @IsString({ each: true })
  @Length(1, limits.tagCharacters, { each: true })
  tags?: string[];

  @ApiPropertyOptional({ type: 'object', additionalProperties: true })
  @IfPresent()
  @IsObject()
  settings?: JsonObject;
}

/** What is absent stays as it is. */
export class WorkflowChangesCommand extends PartialType(WorkflowDefinitionCommand, { skipNullProperties: false }) {}
