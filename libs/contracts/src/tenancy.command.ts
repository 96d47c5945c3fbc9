import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsISO8601, IsString, Length, Matches } from 'class-validator';
import { IfPresent, nameCharactersMax } from './workflow-definition.command.js';

const tenantRoles = ['viewer', 'editor', 'operator', 'admin'] as const;

export class ApiKeyCommand {
  @ApiProperty({ maxLength: nameCharactersMax })
  @IsString()
  @Length(1, nameCharactersMax)
  @Matches(/\S/, { message: '$property must not be blank' })
  name: string;

  @ApiProperty({ enum: tenantRoles })
  @IsIn(tenantRoles)
  role: (typeof tenantRoles)[number];

  @ApiPropertyOptional({ format: 'date-time' })
  @IfPresent()
  @IsISO8601({ strict: true })
  expiresAt?: string;
}

export class TenantCommand {
  @ApiProperty({ maxLength: nameCharactersMax })
  @IsString()
  @Length(1, nameCharactersMax)
  @Matches(/\S/, { message: '$property must not be blank' })
  name: string;
}

export class KeyIssuedResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiPropertyOptional({ description: 'The API key; shown once' })
  key?: string;

  @ApiPropertyOptional({ enum: [true], description: 'In the answer to a retry, instead of the key' })
  secretShownOnce?: true;
}
