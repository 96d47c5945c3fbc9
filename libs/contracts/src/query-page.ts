import { ApiProperty } from '@nestjs/swagger';

/** What every list answers with besides its items. */
export abstract class PageAnswer {
  @ApiProperty({ example: 1 })
  readonly page: number;

  @ApiProperty({ example: 50 })
  readonly limit: number;

  @ApiProperty({ description: 'How many there are in all', example: 3 })
  readonly total: number;
}
