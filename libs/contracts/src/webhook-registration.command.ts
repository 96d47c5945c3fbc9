import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsObject,
  IsString,
  Length,
  Matches,
  ValidateNested,
} from 'class-validator';
import { limits } from './limits.js';
import { IsId } from './property-rules.js';
import { IfPresent, nameCharactersMax } from './workflow-definition.command.js';

export class WebhookConfigCommand {
  @ApiPropertyOptional({ format: 'uuid', description: "By default the tenant's channel of this provider, if there is only one" })
  @IfPresent()
  @IsId()
  channelId?: string;

  @ApiPropertyOptional({ description: 'A segment of the endpoint; by default the provider' })
  @IfPresent()
  @Matches(/^[A-Za-z0-9_-]{1,64}$/, { message: 'triggerType must be 1 to 64 letters, digits, "_" or "-"' })
  triggerType?: string;

  @ApiPropertyOptional({ type: [String], default: ['all'], example: ['message', 'postback'] })
  @IfPresent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(limits.webhookActionTypes)
  @ArrayUnique()
  @IsString({ each: true })
  actionTypes?: string[];

  @ApiPropertyOptional({
    maxLength: limits.webhookFilterCharacters,
    description: 'An expression; only events for which it is true start a run',
  })
  @IfPresent()
  @IsString()
  @Length(1, limits.webhookFilterCharacters)
  filter?: string;

  @ApiPropertyOptional({
    enum: ['async', 'sync'],
    default: 'async',
    description: '`sync`: the call is held open until the workflow answers it by `flow.respond`, for 10 seconds at most',
  })
  @IfPresent()
  @IsIn(['async', 'sync'])
  mode?: 'async' | 'sync';
}

export class WebhookRegistrationCommand {
  @ApiProperty({ maxLength: nameCharactersMax })
  @IsString()
  @Length(1, nameCharactersMax)
  @Matches(/\S/, { message: '$property must not be blank' })
  name: string;

  @ApiProperty({ format: 'uuid' })
  @IsId()
  workflowId: string;

  @ApiProperty({ description: 'A `trigger.webhook` node of the workflow' })
  @IsString()
  @Length(1, limits.nodeIdCharacters)
  nodeId: string;

  @ApiProperty({ example: 'instagram' })
  @IsString()
  @Length(1, 64)
  provider: string;

  @ApiPropertyOptional({ type: WebhookConfigCommand })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => WebhookConfigCommand)
  config?: WebhookConfigCommand;
}

export class WebhookRegistrationResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ description: 'What the provider is to call' })
  endpoint: string;

  @ApiPropertyOptional({ description: "The channel's, for the provider's handshake; shown once" })
  verifyToken?: string;

  @ApiPropertyOptional({ enum: [true], description: 'In the answer to a retry, instead of the token' })
  secretShownOnce?: true;
}

export const webhookTestSteps = ['route', 'signature', 'parse', 'record', 'listeners', 'run'] as const;

export class WebhookTestStepResult {
  @ApiProperty({ enum: webhookTestSteps })
  name: (typeof webhookTestSteps)[number];

  @ApiProperty()
  ok: boolean;

  @ApiProperty({ description: 'What was found, or what to do' })
  detail: string;
}

export class WebhookTestResult {
  @ApiProperty({ type: [WebhookTestStepResult], description: 'In this order; after one that failed there are no more' })
  steps: readonly WebhookTestStepResult[];

  @ApiPropertyOptional({ format: 'uuid', description: 'The event that was recorded; it says `test`' })
  eventId?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'The run that it began' })
  executionId?: string;
}
