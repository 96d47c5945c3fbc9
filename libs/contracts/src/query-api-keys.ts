import { ApiProperty } from '@nestjs/swagger';
import { PageAnswer } from './query-page.js';

export const apiKeyStatuses = ['active', 'expired', 'revoked'] as const;

export class ApiKeyQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty()
  readonly name: string;

  @ApiProperty({ enum: ['viewer', 'editor', 'operator', 'admin', 'platform'] })
  readonly role: string;

  @ApiProperty({ description: 'The beginning of the key, to tell keys apart' })
  readonly prefix: string;

  @ApiProperty({ enum: apiKeyStatuses })
  readonly status: (typeof apiKeyStatuses)[number];

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly expiresAt: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly revokedAt: string | null;

  @ApiProperty()
  readonly createdBy: string;

  @ApiProperty({ format: 'date-time' })
  readonly createdAt: string;
}

export class ApiKeyPage extends PageAnswer {
  @ApiProperty({ type: [ApiKeyQuery] })
  readonly items: readonly ApiKeyQuery[];
}
