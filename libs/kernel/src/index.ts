export { blobIn, type BlobReference, blobsIn } from './blob-reference.js';
export { type Blob, blobOf, inlineBytesMax, isLargerThan, type Kept, storable, stored } from './blobs.js';
export { DomainError, type ErrorKind, type InputError } from './domain-error.js';
export { type DomainEvent, type EventEnvelope, type EventPayload, type Recorded, PLATFORM_TENANT_ID } from './domain-event.js';
export { exactNumber, parseExact } from './exact-json.js';
export { isUuid, newId } from './ids.js';
export { isJsonObject, type Json, type JsonObject } from './json.js';
