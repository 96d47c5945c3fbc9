/** The greatest `integer` of Postgres. */
export const integerMax = 2_147_483_647;

/** Several decorators of a property as one. */
export const rules =
  (...decorators: readonly PropertyDecorator[]): PropertyDecorator =>
  (target, property) => {
    for (const decorator of decorators) decorator(target, property);
  };
