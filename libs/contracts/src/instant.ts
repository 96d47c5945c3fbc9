import { ValidateBy } from 'class-validator';

const day = /^\d{4}-\d\d-\d\d$/;
/** Postgres refuses an offset of 16 hours and more. */
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-5]):[0-5]\d)$/;

/** A day, which begins at midnight UTC. */
export const isDay = (value: string): boolean => day.test(value);

const isInstant = (value: unknown): boolean => typeof value === 'string' && (isDay(value) || instant.test(value)) && exists(value);

/** What has four digits for its year in UTC too: JavaScript writes others in a way that Postgres refuses. */
const first = Date.parse('0001-01-01T00:00:00Z');
export const lastInstant = Date.parse('9999-12-31T23:59:59.999Z');

/** JavaScript takes 30 February for 2 March. */
const exists = (value: string): boolean => {
  const time = Date.parse(value);
  const midnight = new Date(value.slice(0, 10));
  return time >= first && time <= lastInstant && !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(value.slice(0, 10));
};

/** What JavaScript and Postgres read as the same time, wherever they run: of ISO 8601 a part, with its zone. */
export const IsInstant = () =>
  ValidateBy({
    name: 'isInstant',
    validator: {
      validate: isInstant,
      defaultMessage: () => '$property must be a date (2026-01-31) or a time with its zone (2026-01-31T12:00:00Z)',
    },
  });
