import type { Json } from '@sluice/kernel';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { Allow, IsBoolean, IsDefined, IsIn, IsInt, IsObject, IsString, Length, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { IsInstant } from './instant.js';
import { limits } from './limits.js';
import { integerMax, IsId } from './property-rules.js';
import { executionStatuses } from './query-executions.js';
import { IfPresent } from './workflow-definition.command.js';

export class ExecutionCancelledResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: ['cancelled'] })
  status: 'cancelled';
}

export class ExecutionPausedResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: ['paused'] })
  status: 'paused';
}

export class ExecutionStatusResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: executionStatuses })
  status: (typeof executionStatuses)[number];
}

export class ExecutionRetryCommand {
  @ApiPropertyOptional({ description: 'A node that failed; all that failed is retried, whether it is named or not' })
  @IfPresent()
  @IsString()
  @Length(1, limits.nodeIdCharacters)
  nodeId?: string;

  @ApiPropertyOptional({ example: 'orders:3', description: 'In a loop: the item in which it failed' })
  @IfPresent()
  @IsString()
  @MaxLength(limits.pathPartCharacters)
  iteration?: string;
}

export class RetriedNodeResult {
  @ApiProperty()
  nodeId: string;

  @ApiPropertyOptional({ example: 'orders:3' })
  iteration?: string;
}

export class CallerResult {
  @ApiProperty({ format: 'uuid' })
  executionId: string;

  @ApiProperty({ description: 'False: it has gone on with the failure, and does not hear how the retry ends' })
  waits: boolean;
}

export class ExecutionRetriedResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: ['running'] })
  status: 'running';

  @ApiProperty({ type: [RetriedNodeResult], description: 'Nodes that are tried again' })
  nodes: readonly RetriedNodeResult[];

  @ApiPropertyOptional({ type: CallerResult, description: 'The run that called this one' })
  caller?: CallerResult;
}

export const rerunVersions = ['same', 'newest'] as const;

export class ExecutionRerunCommand {
  @ApiPropertyOptional({ description: 'Any JSON; by default the input of the run' })
  @Allow()
  input?: Json;

  @ApiPropertyOptional({ enum: rerunVersions, default: 'same' })
  @IfPresent()
  @IsIn(rerunVersions)
  version?: (typeof rerunVersions)[number];
}

export class ExecutionRerunResult {
  @ApiProperty({ format: 'uuid', description: 'The new run' })
  executionId: string;
}

export class EffectResolutionCommand {
  @ApiProperty({ enum: ['sent', 'not_sent'], description: '`sent`: the node has ended; `not_sent`: it runs again, with the same key' })
  @IsIn(['sent', 'not_sent'])
  outcome: 'sent' | 'not_sent';

  @ApiPropertyOptional({ description: 'Any JSON; of a call that was sent, what the node puts out' })
  @Allow()
  output?: Json;
}

export const bulkActions = ['cancel', 'pause', 'resume', 'retry', 'rerun'] as const;

export class ExecutionFilterCommand {
  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsId()
  workflowId?: string;

  @ApiPropertyOptional({ enum: executionStatuses, description: 'By default, every status that the action fits' })
  @IfPresent()
  @IsIn(executionStatuses)
  status?: (typeof executionStatuses)[number];

  @ApiPropertyOptional({ format: 'date-time', description: 'Began then or later' })
  @IfPresent()
  @IsInstant()
  dateFrom?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Began before' })
  @IfPresent()
  @IsInstant()
  dateTo?: string;

  @ApiPropertyOptional()
  @IfPresent()
  @IsString()
  @Length(1, limits.nameCharacters)
  customerId?: string;

  @ApiPropertyOptional({ description: 'Stands at this node: it failed, waits, runs or is in doubt' })
  @IfPresent()
  @IsString()
  @Length(1, limits.nodeIdCharacters)
  nodeId?: string;
}

export class BulkExecutionsCommand {
  @ApiProperty({ enum: bulkActions })
  @IsIn(bulkActions)
  action: (typeof bulkActions)[number];

  @ApiProperty({ type: ExecutionFilterCommand, description: 'Without members: all of the tenant' })
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => ExecutionFilterCommand)
  filter: ExecutionFilterCommand;

  @ApiPropertyOptional({ description: 'True: only says how many there are' })
  @IfPresent()
  @IsBoolean()
  dryRun?: boolean;
}

export class SkippedExecutionResult {
  @ApiProperty({ format: 'uuid' })
  executionId: string;

  @ApiProperty({ example: 'execution_is_over' })
  code: string;

  @ApiProperty()
  reason: string;
}

export class BulkExecutionsResult {
  @ApiProperty({ description: 'Runs that the filter found; what is done is done to at most 1000 at a time, the oldest first' })
  count: number;

  @ApiPropertyOptional({ description: 'To how many it was done' })
  done?: number;

  @ApiPropertyOptional({ type: [SkippedExecutionResult] })
  skipped?: readonly SkippedExecutionResult[];

  @ApiPropertyOptional({ description: 'True: there are more; send it again' })
  more?: boolean;
}

export class MoveFilterCommand {
  @ApiPropertyOptional({ format: 'date-time', description: 'Began then or later' })
  @IfPresent()
  @IsInstant()
  dateFrom?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Began before' })
  @IfPresent()
  @IsInstant()
  dateTo?: string;

  @ApiPropertyOptional()
  @IfPresent()
  @IsString()
  @Length(1, limits.nameCharacters)
  customerId?: string;

  @ApiPropertyOptional({ description: 'Waits at this node' })
  @IfPresent()
  @IsString()
  @Length(1, limits.nodeIdCharacters)
  nodeId?: string;
}

export class MoveRunsCommand {
  @ApiProperty({ minimum: 1, maximum: integerMax })
  @IsInt()
  @Min(1)
  @Max(integerMax)
  fromVersion: number;

  @ApiProperty({ minimum: 1, maximum: integerMax })
  @IsInt()
  @Min(1)
  @Max(integerMax)
  toVersion: number;

  @ApiPropertyOptional({ type: MoveFilterCommand })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => MoveFilterCommand)
  filter?: MoveFilterCommand;

  @ApiPropertyOptional({ description: 'True: only says which could be moved' })
  @IfPresent()
  @IsBoolean()
  dryRun?: boolean;
}

export class RefusedMoveResult {
  @ApiProperty({ format: 'uuid' })
  executionId: string;

  @ApiProperty()
  reason: string;
}

export class MoveRunsResult {
  @ApiProperty({ description: 'Runs on that version that are under way; at most 1000 at a time are looked at, the oldest first' })
  count: number;

  @ApiPropertyOptional({ description: 'How many were moved' })
  moved?: number;

  @ApiProperty({ type: [RefusedMoveResult] })
  refused: readonly RefusedMoveResult[];

  @ApiPropertyOptional({ description: 'True: there are more; send it again' })
  more?: boolean;
}

export class ApprovalCommand {
  @ApiProperty({ enum: ['approve', 'reject'] })
  @IsIn(['approve', 'reject'])
  decision: 'approve' | 'reject';

  @ApiPropertyOptional({ maxLength: limits.descriptionCharacters })
  @IfPresent()
  @IsString()
  @MaxLength(limits.descriptionCharacters)
  comment?: string;

  @ApiPropertyOptional({ maxLength: limits.nameCharacters, description: 'Who decides, as they say' })
  @IfPresent()
  @IsString()
  @MaxLength(limits.nameCharacters)
  by?: string;
}

export class ApprovalResult {
  @ApiProperty({ enum: ['approved', 'rejected'] })
  status: 'approved' | 'rejected';
}
