import type { PipeTransform } from '@nestjs/common';
import { DomainError } from '@sluice/kernel';

class VersionIsMalformed extends DomainError {
  constructor() {
    super('malformed', 'version_is_malformed', 'A version is a whole number from 1.', {
      errors: [{ path: 'version', code: 'isVersion', message: 'version must be a whole number from 1' }],
    });
  }
}

/** A version in a path. */
export class VersionPipe implements PipeTransform<string, number> {
  transform(value: string): number {
    if (!/^[1-9]\d{0,8}$/.test(value)) throw new VersionIsMalformed();
    return Number(value);
  }
}
