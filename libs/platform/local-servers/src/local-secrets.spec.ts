import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localSecrets } from './local-secrets.js';

const dir = mkdtempSync(join(tmpdir(), 'sluice-secrets-'));
afterAll(() => rmSync(dir, { recursive: true }));

it('makes the secrets once and keeps them for their owner alone', () => {
  const made = localSecrets(dir);
  expect(localSecrets(dir)).toEqual(made);
  expect(statSync(join(dir, 'api-key')).mode & 0o777).toBe(0o600);
});

it('makes an encryption key of 32 bytes', () => {
  const [id, key = ''] = localSecrets(dir).encryptionKeys.split(':');
  expect(id).toBe('k1');
  expect(Buffer.from(key, 'base64')).toHaveLength(32);
});
