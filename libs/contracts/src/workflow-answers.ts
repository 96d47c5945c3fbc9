import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

export class WorkflowSavedResult {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ description: 'Also in ETag; send it back as If-Match' })
  revision: number;
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
}

export class WorkflowValidationResult {
  @ApiProperty()
  valid: boolean;

  @ApiProperty({ type: [WorkflowFinding] })
  findings: readonly WorkflowFinding[];
}
