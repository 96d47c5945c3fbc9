import { Transform } from 'class-transformer';
import { IsUUID } from 'class-validator';

/** The greatest `integer` of Postgres. */
export const integerMax = 2_147_483_647;

/** Several decorators of a property as one. */
export const rules =
  (...decorators: readonly PropertyDecorator[]): PropertyDecorator =>
  (target, property) => {
    for (const decorator of decorators) decorator(target, property);
  };

const lowerCase = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(lowerCase);
  return typeof value === 'string' ? value.toLowerCase() : value;
};

/** An id in a body, or a list of them: in lower case, as the stores write them, so that it is the same wherever it is kept as text. */
export const IsId = (options?: { readonly each: true }): PropertyDecorator =>
  rules(
    Transform(({ value }) => lowerCase(value)),
    IsUUID('all', options),
  );
