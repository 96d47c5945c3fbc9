import { ApiPropertyOptional } from '@nestjs/swagger';
import { limits } from '@sluice/contracts';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';

/** Which part of a list; the query classes of lists extend it. */
export class Page {
  @ApiPropertyOptional({ minimum: 1, default: 1 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(limits.page)
  page: number = 1;

  @ApiPropertyOptional({ minimum: 1, maximum: limits.pageSize, default: 50 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(limits.pageSize)
  limit: number = 50;
}

export interface PageOf<Item> {
  readonly items: readonly Item[];
  readonly page: number;
  readonly limit: number;
  readonly total: number;
}

export const pageOf = <Item>(items: readonly Item[], total: number, { page, limit }: Page): PageOf<Item> => ({ items, page, limit, total });

/** Rows before the page */
export const offsetOf = ({ page, limit }: Page): number => (page - 1) * limit;
