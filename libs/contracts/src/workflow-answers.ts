import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, Max, Min } from 'class-validator';
import { integerMax } from './property-rules.js';

export class WorkflowSavedResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ description: 'Also in ETag; send it back as If-Match' })
  revision: number;
}

export class WorkflowRollbackCommand {
  @ApiProperty({ minimum: 1, maximum: integerMax, description: 'The version whose graph is to be the newest one' })
  @IsInt()
  @Min(1)
  @Max(integerMax)
  version: number;
}

export class WorkflowPublishedResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty()
  version: number;
}

export class WorkflowFinding {
  @ApiProperty({ example: 'nodes[3].config.to' })
  path: string;

  @ApiPropertyOptional({ example: 'config_invalid' })
  code?: string;

  @ApiProperty()
  message: string;

  @ApiPropertyOptional({ enum: ['error', 'warning'], default: 'error', description: 'Only errors stand in the way of publishing' })
  severity?: 'error' | 'warning';
}

export class WorkflowImportedResult extends WorkflowSavedResult {
  @ApiPropertyOptional({ type: [WorkflowFinding], description: 'What is left to be done, at most 1000 things; absent: nothing' })
  findings?: readonly WorkflowFinding[];
}

export class WorkflowValidationResult {
  @ApiProperty({ description: 'The draft can be published: no finding is an error' })
  valid: boolean;

  @ApiProperty({ type: [WorkflowFinding] })
  findings: readonly WorkflowFinding[];
}
