import { ValidateBy } from 'class-validator';

const day = /^\d{4}-\d\d-\d\d$/;
/** Postgres refuses an offset of 16 hours and more. */
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-5]):[0-5]\d)$/;

/** A day, which begins at midnight UTC. */
export const isDay = (value: string): boolean => day.test(value);

const isInstant = (value: unknown): boolean => typeof value === 'string' && (isDay(value) || instant.test(value)) && exists(value);

/** JavaScript takes 30 February for 2 March. */
const exists = (value: string): boolean => {
  const date = new Date(value);
  const midnight = new Date(value.slice(0, 10));
  return !Number.isNaN(date.getTime()) && !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(value.slice(0, 10));
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
