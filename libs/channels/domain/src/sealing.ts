import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

export interface EncryptionKey {
  readonly id: string;
  /** 32 bytes */
  readonly key: Buffer;
}

export interface Sealed {
  readonly keyId: string;
  /** nonce (12) ‖ tag (16) ‖ ciphertext */
  readonly bytes: Buffer;
}

/** Nobody's input is wrong: the operator took away a key that is still in use. */
export class EncryptionKeyIsUnknown extends Error {
  constructor(readonly keyId: string) {
    super(`Credentials are sealed with the key "${keyId}", which ENCRYPTION_KEYS does not have: add it back until they are sealed anew.`);
    this.name = 'EncryptionKeyIsUnknown';
  }
}

const nonceBytes = 12;
const tagBytes = 16;

/** AES-256-GCM with the first key. `context` says where the secret belongs: opened for anything else, it does not open. */
export function seal(plain: string, context: string, [key]: readonly EncryptionKey[]): Sealed {
  if (key === undefined) throw new RangeError('there is no encryption key');
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key.key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(context));
  const ciphertext = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return { keyId: key.id, bytes: Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]) };
}

/** Throws EncryptionKeyIsUnknown, or an error of node:crypto when the bytes or the context are not those that were sealed. */
export function open({ keyId, bytes }: Sealed, context: string, keys: readonly EncryptionKey[]): string {
  const key = keys.find(({ id }) => id === keyId);
  if (key === undefined) throw new EncryptionKeyIsUnknown(keyId);
  const decipher = createDecipheriv('aes-256-gcm', key.key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]).toString('utf8');
}
