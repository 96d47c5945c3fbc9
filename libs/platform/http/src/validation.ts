import { type ValidationError, ValidationPipe } from '@nestjs/common';
import { limits } from '@sluice/contracts';
import { DomainError, type InputError } from '@sluice/kernel';

export class InputIsInvalid extends DomainError {
  constructor(errors: readonly InputError[]) {
    super(
      'malformed',
      'input_is_invalid',
      errors
        .map(({ path, message }) => `${path}: ${message}`)
        .slice(0, 3)
        .join('; '),
      { errors },
    );
  }
}

/** Bodies and queries are what their class says, nothing else gets through; a wrong one is answered with every fault at once. */
export const validationPipe = () =>
  new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    transform: true,
    stopAtFirstError: false,
    validationError: { target: true, value: false },
    exceptionFactory: (errors) => new InputIsInvalid(errors.flatMap((error) => findingsOf(error, ''))),
  });

/** Paths read as in JavaScript: `nodes[3].config`. */
export function findingsOf({ property, target, constraints, children }: ValidationError, parent: string): InputError[] {
  const path = Array.isArray(target) ? `${parent}[${property}]` : parent === '' ? property : `${parent}.${property}`;
  const own = Object.entries(constraints ?? {}).map(([code, message]) => ({ path, code, message }));
  return [...own, ...(children ?? []).flatMap((child) => findingsOf(child, path))].slice(0, limits.validationErrors);
}
