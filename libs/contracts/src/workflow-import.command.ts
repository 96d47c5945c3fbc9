import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, Equals, IsArray, IsIn, IsString, Length, ValidateNested } from 'class-validator';
import { limits } from './limits.js';
import { IfPresent, WorkflowDefinitionCommand } from './workflow-definition.command.js';

export class ExportOmissionCommand {
  @ApiProperty({ example: 'nodes[2].config.headers.Authorization', maxLength: limits.omissionPathCharacters })
  @IsString()
  @Length(1, limits.omissionPathCharacters)
  path: string;

  @ApiProperty({ enum: ['secret', 'reference'] })
  @IsIn(['secret', 'reference'])
  reason: 'secret' | 'reference';
}

/** A document as `GET /api/workflows/:id/export` answers it. */
export class WorkflowImportCommand extends WorkflowDefinitionCommand {
  @ApiProperty({ enum: ['sluice.workflow'] })
  @Equals('sluice.workflow', { message: '$property must be "sluice.workflow", as an export has it' })
  format: 'sluice.workflow';

  @ApiProperty({ enum: [1], description: 'Another version is refused: it cannot be read here' })
  @Equals(1, { message: '$property must be 1: a document of another version cannot be read here' })
  formatVersion: 1;

  @ApiPropertyOptional({ type: [ExportOmissionCommand], maxItems: limits.omissions, description: 'Comes back as findings' })
  @IfPresent()
  @IsArray()
  @ArrayMaxSize(limits.omissions)
  @ValidateNested({ each: true })
  @Type(() => ExportOmissionCommand)
  omitted?: ExportOmissionCommand[];
}
