import { randomBytes, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from './processes.js';

export interface LocalSecrets {
  /** In the form of ENCRYPTION_KEYS. */
  readonly encryptionKeys: string;
  readonly tenantId: string;
  readonly apiKey: string;
}

/** What an installation without an operator needs: made once, kept in the folder for its owner's eyes only. */
export function localSecrets(dir: string): LocalSecrets {
  mkdirSync(dir, { recursive: true });
  const secret = () => randomBytes(32);
  return {
    encryptionKeys: keptIn(join(dir, 'encryption-keys'), () => `k1:${secret().toString('base64')}`),
    tenantId: keptIn(join(dir, 'tenant-id'), randomUUID),
    apiKey: keptIn(join(dir, 'api-key'), () => `sluice_${secret().toString('base64url')}`),
  };
}

/** Linked into place, so that of two processes at once one makes the value and both read it. */
function keptIn(file: string, make: () => string): string {
  const read = () => readFileSync(file, 'utf8').trim();
  try {
    return read();
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, `${make()}\n`, { mode: 0o600 });
  try {
    linkSync(aside, file);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(aside);
  }
  return read();
}
