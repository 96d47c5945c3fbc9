import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, ValidateBy } from 'class-validator';
import { ListPage } from './list-page.js';
import type { Parameters } from './read-store.js';

const day = /^\d{4}-\d\d-\d\d$/;
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

const isInstant = (value: unknown): boolean => typeof value === 'string' && (day.test(value) || instant.test(value)) && exists(value);

/** JavaScript takes 30 February for 2 March. */
const exists = (value: string): boolean => {
  const date = new Date(value);
  const midnight = new Date(value.slice(0, 10));
  return !Number.isNaN(date.getTime()) && !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(value.slice(0, 10));
};

const IsInstant = () =>
  ValidateBy({
    name: 'isInstant',
    validator: {
      validate: isInstant,
      defaultMessage: (args) => `${args?.property} must be a date (2026-01-31) or a time with its zone (2026-01-31T12:00:00Z)`,
    },
  });

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
    const last = new Date(dateTo).getTime();
    const dayMs = 24 * 60 * 60 * 1_000;
    conditions.push(`${column} < ${parameters.of(new Date(last + (day.test(dateTo) ? dayMs : 1)).toISOString())}`);
  }
  return conditions;
}
