import { ApiPropertyOptional } from '@nestjs/swagger';
import { isDay, IsInstant, lastInstant } from '@sluice/contracts';
import { IsOptional } from 'class-validator';
import { ListPage } from './list-page.js';
import type { Parameters } from './read-store.js';

/** A list over a time. */
export class PeriodPage extends ListPage {
  @ApiPropertyOptional({ format: 'date-time', description: 'From this time, or the beginning of this day (UTC)' })
  @IsOptional()
  @IsInstant()
  dateFrom?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Up to and including this time, or the whole of this day (UTC)' })
  @IsOptional()
  @IsInstant()
  dateTo?: string;
}

/** The period as conditions on a column; none for an open end. */
export function withinPeriod(column: string, { dateFrom, dateTo }: PeriodPage, parameters: Parameters): string[] {
  const conditions: string[] = [];
  if (dateFrom !== undefined) conditions.push(`${column} >= ${parameters.of(new Date(dateFrom).toISOString())}`);
  if (dateTo !== undefined) {
    const dayMs = 24 * 60 * 60 * 1_000;
    const end = Date.parse(dateTo) + (isDay(dateTo) ? dayMs : 1);
    // Nothing is later than what can be asked for.
    if (end <= lastInstant) conditions.push(`${column} < ${parameters.of(new Date(end).toISOString())}`);
  }
  return conditions;
}
