import { isUuid } from '@sluice/kernel';
import { ValidateBy } from 'class-validator';

/** For ids in queries: a UUID of any version. */
export const IsId = () =>
  ValidateBy({
    name: 'isId',
    validator: { validate: isUuid, defaultMessage: (args) => `${args?.property} must be a UUID` },
  });
