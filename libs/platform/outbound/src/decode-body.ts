import { promisify, types } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { ResponseTooLarge } from './exchange.js';

/** The body is not in the encoding it claims, or in one we did not ask for. */
export class UndecodableBody extends Error {
  constructor(encoding: string) {
    super(`The response's body could not be decoded (content-encoding: ${encoding.slice(0, 100)})`);
    this.name = 'UndecodableBody';
  }
}

export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';
const decoders = { gzip: promisify(gunzip), 'x-gzip': promisify(gunzip), deflate: promisify(inflate), br: promisify(brotliDecompress) };

/** The limit counts decoded bytes, so a small body that unpacks to a large one stops there. */
export async function decodeBody(body: Buffer, encoding: string | undefined, bytesMax: number): Promise<Buffer> {
  const name = encoding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity' || name === '' || body.length === 0) return body;
  const decode = Object.entries(decoders).find(([known]) => known === name)?.[1];
  if (!decode) throw new UndecodableBody(name);
  try {
    return await decode(body, { maxOutputLength: bytesMax });
  } catch (error) {
    if (types.isNativeError(error) && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw new ResponseTooLarge(bytesMax);
    throw new UndecodableBody(name);
  }
}
