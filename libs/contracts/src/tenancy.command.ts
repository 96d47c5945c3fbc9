import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { isJsonObject, type JsonObject } from '@sluice/kernel';
import { IsIn, IsInt, IsString, Length, Matches, Max, Min, ValidateBy } from 'class-validator';
import { IsInstant } from './instant.js';
import { limits } from './limits.js';
import { integerMax, rules } from './property-rules.js';
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
  @IsInstant()
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

const IsQuota = (description: string, minimum = 0, maximum = integerMax) =>
  rules(ApiPropertyOptional({ type: 'integer', minimum, maximum, description }), IfPresent(), IsInt(), Min(minimum), Max(maximum));

/** All of a tenant's quotas: what is absent has no limit. */
export class TenantQuotas {
  @IsQuota('Runs that are under way at the same time; those that wait for a time, an event or a person are not')
  maxConcurrentExecutions?: number;

  @IsQuota('Deliveries that are accepted within a minute')
  webhooksPerMinute?: number;

  @IsQuota('Runs that begin within a day (UTC)')
  dailyExecutions?: number;

  @IsQuota('Its part of what all tenants share, beside theirs; 1 where nothing is said', 1, 100)
  weight?: number;
}

export class TenantQuotasResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ type: TenantQuotas })
  quotas: TenantQuotas;
}

const variableName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const areVariables = (value: unknown): boolean => {
  if (!isJsonObject(value)) return false;
  const names = Object.keys(value);
  return (
    names.length <= limits.envNames &&
    names.every((name) => variableName.test(name)) &&
    Buffer.byteLength(JSON.stringify(value)) <= limits.envBytes
  );
};

export class TenantEnvCommand {
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    maxProperties: limits.envNames,
    description:
      'All variables of the tenant, by name: a letter or `_`, then at most 63 letters, digits and `_`. ' +
      `As JSON at most ${limits.envBytes} bytes. Workflows read them as \`env\`.`,
    example: { shopHost: 'shop.example.com', minimumOrder: 20 },
  })
  @ValidateBy({
    name: 'areVariables',
    validator: {
      validate: areVariables,
      defaultMessage: () =>
        `$property must be an object of at most ${limits.envNames} values, by names of letters, digits and "_", in at most ${limits.envBytes} bytes of JSON`,
    },
  })
  variables: JsonObject;
}

export class TenantEnvResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ type: [String] })
  names: string[];
}
