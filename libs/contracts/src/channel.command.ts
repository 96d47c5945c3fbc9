import type { JsonObject } from '@sluice/kernel';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsDefined,
  IsObject,
  IsString,
  Length,
  Matches,
  ValidateNested,
} from 'class-validator';
import { IsInstant } from './instant.js';
import { limits } from './limits.js';
import { IfPresent, nameCharactersMax } from './workflow-definition.command.js';

export class ChannelCredentialsCommand {
  @ApiProperty({
    type: [String],
    description: 'As the provider gives them. Every one of them is accepted, so that a secret can be rotated',
    minItems: 1,
    maxItems: limits.signingSecrets,
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(limits.signingSecrets)
  @ArrayUnique()
  @IsString({ each: true })
  @Length(1, 512, { each: true })
  signingSecrets: string[];

  @ApiPropertyOptional({ description: "For the provider's handshake" })
  @IfPresent()
  @IsString()
  @Length(8, 512)
  verifyToken?: string;

  @ApiPropertyOptional({ description: "For calls of the provider's API" })
  @IfPresent()
  @IsString()
  @Length(1, 4096)
  accessToken?: string;

  @ApiPropertyOptional({ description: 'With which new access tokens are asked for, where the provider rotates them (Slack)' })
  @IfPresent()
  @IsString()
  @Length(1, 4096)
  refreshToken?: string;

  @ApiPropertyOptional({ description: "Of the provider's app, for a refresh" })
  @IfPresent()
  @IsString()
  @Length(1, 512)
  clientId?: string;

  @ApiPropertyOptional({ description: "Of the provider's app, for a refresh" })
  @IfPresent()
  @IsString()
  @Length(1, 512)
  clientSecret?: string;
}

export class ChannelCommand {
  @ApiProperty({ example: 'instagram' })
  @IsString()
  @Length(1, 64)
  provider: string;

  @ApiProperty({ maxLength: nameCharactersMax })
  @IsString()
  @Length(1, nameCharactersMax)
  @Matches(/\S/, { message: '$property must not be blank' })
  name: string;

  @ApiPropertyOptional({ description: "The provider's id of the account, e.g. an Instagram account id" })
  @IfPresent()
  @IsString()
  @Length(1, 200)
  externalAccountId?: string;

  @ApiProperty({ type: ChannelCredentialsCommand, description: 'Write-only' })
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => ChannelCredentialsCommand)
  credentials: ChannelCredentialsCommand;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true })
  @IfPresent()
  @IsObject()
  config?: JsonObject;

  @ApiPropertyOptional({ format: 'date-time', description: 'When the access token ends' })
  @IfPresent()
  @IsInstant()
  expiresAt?: string;
}

export class ChannelConnectedResult {
  @ApiProperty({ format: 'uuid' })
  id: string;
}

export class ChannelRotationCommand {
  @ApiProperty({ type: ChannelCredentialsCommand, description: 'Write-only; replaces all secrets of the channel' })
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => ChannelCredentialsCommand)
  credentials: ChannelCredentialsCommand;

  @ApiPropertyOptional({ format: 'date-time', description: 'When the access token ends; absent: not known' })
  @IfPresent()
  @IsInstant()
  expiresAt?: string;

  @ApiPropertyOptional({
    format: 'date-time',
    description:
      'Until then the signing secrets before these are accepted as well, and those that were replaced before until the time that they were given, ' +
      `at most ${limits.signingSecrets} in all; absent or past: none of them`,
  })
  @IfPresent()
  @IsInstant()
  previousSecretsUntil?: string;
}

export class ChannelRotationResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ description: 'Counts the credentials of this channel' })
  version: number;
}

export class ChannelCheckResult {
  @ApiProperty({ enum: ['settings', 'token', 'account', 'subscription', 'expiry', 'twins'], description: 'What was looked at' })
  name: 'settings' | 'token' | 'account' | 'subscription' | 'expiry' | 'twins';

  @ApiProperty()
  ok: boolean;

  @ApiProperty({ example: 'The token is for the account 17841465550001234.' })
  message: string;
}

export class ChannelTestResult {
  @ApiProperty({ description: 'Every check is ok' })
  ok: boolean;

  @ApiProperty({ type: [ChannelCheckResult] })
  checks: readonly ChannelCheckResult[];
}

export class ChannelStatusResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({
    enum: ['connected', 'held', 'releasing', 'deleted'],
    description: 'releasing: what was held has not all begun yet; what arrives queues up behind it',
  })
  status: 'connected' | 'held' | 'releasing' | 'deleted';
}
