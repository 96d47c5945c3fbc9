import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsNumber,
  IsObject,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { IsInstant } from './instant.js';
import { limits } from './limits.js';
import { IsId } from './property-rules.js';
import { replayableStatuses, replayStatuses, replayVersions } from './query-replays.js';
import { IfPresent, nameCharactersMax } from './workflow-definition.command.js';

/** What both ways to replay ask for. */
class ReplayTermsCommand {
  @ApiPropertyOptional({
    enum: replayVersions,
    default: 'newest',
    description: '`same`: the version that each event ran on then; what nobody ran then begins nothing. `newest`: as if it came now',
  })
  @IfPresent()
  @IsIn(replayVersions)
  version?: (typeof replayVersions)[number];

  @ApiPropertyOptional({ type: [String], format: 'uuid', description: 'Without it: all that listen' })
  @IfPresent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(limits.replayWorkflows)
  @ArrayUnique()
  @IsId({ each: true })
  workflowIds?: string[];

  @ApiProperty({ maxLength: limits.reasonCharacters, description: 'Kept with each event that is replayed', example: 'The shop was closed' })
  @IsString()
  @Length(1, limits.reasonCharacters)
  @Matches(/\S/, { message: '$property must not be blank' })
  reason: string;
}

export class EventReplayCommand extends ReplayTermsCommand {}

export class ReplayFilterCommand {
  @ApiProperty({ format: 'uuid' })
  @IsId()
  channelId: string;

  @ApiPropertyOptional({ type: [String], example: ['message'] })
  @IfPresent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(limits.webhookActionTypes)
  @ArrayUnique()
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  kinds?: string[];

  @ApiPropertyOptional({ example: 'message' })
  @IfPresent()
  @IsString()
  @Length(1, 100)
  action?: string;

  @ApiPropertyOptional({ enum: replayableStatuses, description: 'Without it: both. Ignored and held events are never replayed' })
  @IfPresent()
  @IsIn(replayableStatuses)
  status?: (typeof replayableStatuses)[number];

  @ApiPropertyOptional()
  @IfPresent()
  @IsString()
  @Length(1, 512)
  customerId?: string;

  @ApiProperty({ format: 'date-time', description: 'Received then or later' })
  @IsInstant()
  dateFrom: string;

  @ApiProperty({ format: 'date-time', description: 'Received before; what comes after the replay was asked for is never part of it' })
  @IsInstant()
  dateTo: string;
}

export class ReplayCommand extends ReplayTermsCommand {
  @ApiProperty({ maxLength: nameCharactersMax, example: 'Monday’s orders' })
  @IsString()
  @Length(1, nameCharactersMax)
  @Matches(/\S/, { message: '$property must not be blank' })
  name: string;

  @ApiProperty({ type: ReplayFilterCommand })
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => ReplayFilterCommand)
  filter: ReplayFilterCommand;

  @ApiPropertyOptional({ minimum: 0.01, maximum: 200, default: 10, description: 'Events a second, in the order in which they came' })
  @IfPresent()
  @IsNumber()
  @Min(0.01)
  @Max(200)
  ratePerSecond?: number;

  @ApiPropertyOptional({ description: 'True: only says how many events there are' })
  @IfPresent()
  @IsBoolean()
  dryRun?: boolean;
}

export class ReplayStartedResult {
  @ApiProperty({ format: 'uuid' })
  replayId: string;
}

export class ReplayCountResult {
  @ApiProperty({ description: 'Events that would be replayed' })
  count: number;
}

export class ReplayStatusResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: replayStatuses })
  status: (typeof replayStatuses)[number];
}
