import { createPublicKey, verify } from 'node:crypto';

/** What stands before the 32 bytes of a public key in the DER that `node:crypto` reads (SPKI, RFC 8410). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** True if one of the signatures is that of `signed` by one of the public keys, 32 bytes each. */
export const ed25519Matches = (signed: Buffer, publicKeys: readonly Buffer[], signatures: readonly Buffer[]): boolean =>
  publicKeys
    .filter((key) => key.length === 32)
    .map((key) => createPublicKey({ key: Buffer.concat([spkiPrefix, key]), format: 'der', type: 'spki' }))
    .some((key) => signatures.some((signature) => verify(null, signed, key, signature)));
