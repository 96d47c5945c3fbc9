import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsString,
  Length,
  Matches,
  ValidateBy,
  ValidateIf,
  type ValidationArguments,
} from 'class-validator';
import { limits } from './limits.js';
import { rules } from './property-rules.js';
import { nameCharactersMax } from './workflow-definition.command.js';

const types = ['bearer', 'basic', 'header'] as const;
type Type = (typeof types)[number];
const typeOf = (command: object): unknown => Reflect.get(command, 'type');

interface Text {
  readonly type: Type;
  readonly characters: readonly [number, number];
  readonly pattern: RegExp;
  readonly description: string;
}

/** There for one type, and refused for the others. */
function TextFor({ type, characters: [least, most], pattern, description }: Text) {
  const validate = (_: unknown, details?: ValidationArguments) => details !== undefined && typeOf(details.object) === type;
  return rules(
    ApiPropertyOptional({ minLength: least, maxLength: most, description: `For the type ${type}: ${description}` }),
    ValidateIf((command: object, value: unknown) => typeOf(command) === type || value !== undefined),
    ValidateBy({ name: 'isOfType', validator: { validate, defaultMessage: () => `$property belongs to the type ${type}` } }),
    IsString(),
    Length(least, most),
    Matches(pattern, { message: '$property has characters that cannot be sent, or names a header that is not free' }),
  );
}

// Secrets shorter than 8 characters could not be taken out of answers that repeat them.
const secretCharacters = [8, 4096] as const;
const goWithRedirects = ['accept', 'accept-encoding', 'accept-language', 'content-[a-z-]*', 'idempotency-key', 'user-agent'];
const ofConnections = [
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-[a-z-]*',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
const headerName = new RegExp(`^(?!(?:${[goWithRedirects, ofConnections].flat().join('|')})$)[!#$%&'*+.^_\`|~0-9a-z-]+$`, 'i');

export class CredentialCommand {
  @ApiProperty({ maxLength: nameCharactersMax, example: 'Shop' })
  @IsString()
  @Length(1, nameCharactersMax)
  @Matches(/\S/, { message: '$property must not be blank' })
  name: string;

  @ApiProperty({ enum: types, example: 'bearer' })
  @IsIn(types)
  type: Type;

  @TextFor({
    type: 'bearer',
    characters: secretCharacters,
    pattern: /^[\x21-\x7e]+$/,
    description: 'sent as `Authorization: Bearer`; write-only',
  })
  token?: string;

  @TextFor({
    type: 'basic',
    characters: [1, 512],
    pattern: /^[^:\p{Cc}]+$/u,
    description: 'sent as `Authorization: Basic`; without a colon',
  })
  username?: string;

  @TextFor({ type: 'basic', characters: secretCharacters, pattern: /^[^\p{Cc}]+$/u, description: 'write-only' })
  password?: string;

  @TextFor({ type: 'header', characters: [1, 100], pattern: headerName, description: 'the header that carries the value' })
  headerName?: string;

  @TextFor({
    type: 'header',
    characters: secretCharacters,
    pattern: /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/,
    description: 'write-only',
  })
  value?: string;

  @ApiProperty({
    type: [String],
    minItems: 1,
    maxItems: limits.credentialHosts,
    description: 'Where the secret may be sent: `host` is that host by https, `host:port` that port by any scheme; no wildcards',
    example: ['api.example.com'],
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(limits.credentialHosts)
  @ArrayUnique()
  @IsString({ each: true })
  @Length(1, 260, { each: true })
  allowedHosts: string[];
}

export class CredentialCreatedResult {
  @ApiProperty({ format: 'uuid' })
  id: string;
}
