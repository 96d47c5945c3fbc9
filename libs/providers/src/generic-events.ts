import type { Json } from '@sluice/kernel';
import type { CanonicalEvent, Channel, ProviderRequest } from './adapter.js';
import { businessEvent, headerOf } from './business-events.js';
import { sha256 } from './dedupe-key.js';
import { isForm, parseForm } from './forms.js';
import { type ParsedBody, parseBody } from './hostile.js';
import { textOf } from './json-values.js';

/** Reads what somebody's own system sends: JSON, a form as an object, or nothing at all as null. */
export function parseGeneric(request: ProviderRequest): ParsedBody {
  if (request.body.length === 0) return { kind: 'json', value: null };
  return isForm(request) ? parseForm(request.body) : parseBody(request.body);
}

/**
 * The one event of a call whose body only its sender understands. Without an id the body is the key: two honest repeats are then
 * one event.
 */
export function genericEvent(provider: string, body: Json, channel: Channel, request: ProviderRequest): CanonicalEvent {
  const idHeader = textOf(channel.config.idHeader)?.toLowerCase();
  const id = idHeader === undefined ? undefined : headerOf(request, idHeader);
  return businessEvent(provider, { kind: 'event', key: id === undefined ? ['sha256', sha256(request.body)] : [id] }, body, channel);
}
