import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsDefined, IsIn, IsNumber, IsObject, Max, Min, ValidateNested } from 'class-validator';
import { IsInstant } from './instant.js';
import { IsId } from './property-rules.js';
import { deadLetterKinds, deadLetterReasons } from './query-dead-letters.js';
import { IfPresent } from './workflow-definition.command.js';

export class DeadLetterRetriedResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: ['retried'] })
  status: 'retried';
}

export class DeadLetterFilterCommand {
  @ApiPropertyOptional({ enum: deadLetterReasons })
  @IfPresent()
  @IsIn(deadLetterReasons)
  reason?: (typeof deadLetterReasons)[number];

  @ApiPropertyOptional({ enum: deadLetterKinds })
  @IfPresent()
  @IsIn(deadLetterKinds)
  kind?: (typeof deadLetterKinds)[number];

  @ApiPropertyOptional({ format: 'uuid' })
  @IfPresent()
  @IsId()
  workflowId?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Died then or later' })
  @IfPresent()
  @IsInstant()
  dateFrom?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Died before' })
  @IfPresent()
  @IsInstant()
  dateTo?: string;
}

export class DeadLettersDiscardCommand {
  @ApiProperty({ type: DeadLetterFilterCommand, description: 'Without members: all that are open' })
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => DeadLetterFilterCommand)
  filter: DeadLetterFilterCommand;
}

export class DeadLettersRetryCommand extends DeadLettersDiscardCommand {
  @ApiPropertyOptional({
    minimum: 0.01,
    maximum: 1_000,
    example: 5,
    description: 'They begin one after the other at this rate; without it all at once',
  })
  @IfPresent()
  @IsNumber()
  @Min(0.01)
  @Max(1_000)
  ratePerSecond?: number;
}

export class SkippedDeadLetterResult {
  @ApiProperty({ format: 'uuid' })
  deadLetterId: string;

  @ApiProperty({ example: 'execution_has_not_failed' })
  code: string;

  @ApiProperty()
  reason: string;
}

export class DeadLettersResult {
  @ApiProperty({ description: 'To how many it was done; at most 1000 at a time, the oldest first' })
  count: number;

  @ApiProperty({ type: [SkippedDeadLetterResult], description: 'That stay open, each with its reason' })
  skipped: readonly SkippedDeadLetterResult[];

  @ApiProperty({ description: 'True: there are more; send it again' })
  more: boolean;
}
