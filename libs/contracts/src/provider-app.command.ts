import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsDefined,
  IsIn,
  IsObject,
  IsString,
  Length,
  Matches,
  ValidateNested,
} from 'class-validator';
import { limits } from './limits.js';
import { IfPresent, nameCharactersMax } from './workflow-definition.command.js';

/** Providers with one callback URL for all accounts of an app. */
const appProviders = ['instagram', 'messenger', 'facebook_page', 'whatsapp'] as const;

export class ProviderAppCredentialsCommand {
  @ApiProperty({
    type: [String],
    description: 'Every one of them is accepted, so that a secret can be rotated',
    minItems: 1,
    maxItems: limits.signingSecrets,
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(limits.signingSecrets)
  @ArrayUnique()
  @IsString({ each: true })
  @Length(16, 512, { each: true })
  signingSecrets: string[];

  @ApiPropertyOptional({ description: "For the provider's handshake" })
  @IfPresent()
  @IsString()
  @Length(8, 512)
  verifyToken?: string;
}

export class ProviderAppCommand {
  @ApiProperty({ enum: appProviders })
  @IsIn(appProviders)
  provider: (typeof appProviders)[number];

  @ApiProperty({ maxLength: nameCharactersMax })
  @IsString()
  @Length(1, nameCharactersMax)
  @Matches(/\S/, { message: '$property must not be blank' })
  name: string;

  @ApiProperty({ type: ProviderAppCredentialsCommand, description: 'Write-only' })
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => ProviderAppCredentialsCommand)
  credentials: ProviderAppCredentialsCommand;
}

export class ProviderAppCreatedResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({
    description: 'The callback URL of the app: its events are routed by their account to the channels of the tenant',
    example: 'https://hooks.example.com/webhooks/01a20957-91ab-7c30-8f5e-3d2b4c0a9f3e/instagram/all',
  })
  endpoint: string;
}
