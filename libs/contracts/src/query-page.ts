import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/** What every list answers with besides its items. `page` and `total` stand where a page was asked for, not behind a cursor. */
export abstract class PageAnswer {
  @ApiPropertyOptional({ example: 1 })
  readonly page?: number;

  @ApiProperty({ example: 50 })
  readonly limit: number;

  @ApiPropertyOptional({ description: 'How many there are in all; behind a cursor nothing is counted', example: 3 })
  readonly total?: number;

  @ApiProperty({ type: String, nullable: true, description: 'What `cursor` takes to go on; null: there is no more' })
  readonly nextCursor: string | null;
}
