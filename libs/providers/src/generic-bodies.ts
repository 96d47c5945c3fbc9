import type { ProviderRequest } from './adapter.js';
import { isForm, parseForm } from './forms.js';
import { type ParsedBody, parseBody } from './hostile.js';

/** Reads what somebody's own system sends: JSON, a form as an object, or nothing at all as null. */
export function parseGeneric(request: ProviderRequest): ParsedBody {
  if (request.body.length === 0) return { kind: 'json', value: null };
  return isForm(request) ? parseForm(request.body) : parseBody(request.body);
}
