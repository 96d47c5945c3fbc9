import ipaddr from 'ipaddr.js';
import { AddressGuard, AddressRefused, isGlobalUnicast } from './address-guard.js';
import { AllowList } from './allow-list.js';

describe('isGlobalUnicast', () => {
  it.each(['1.1.1.1', '93.184.215.14', '2606:4700:4700::1111', '2a00:1450:4001::1'])('lets the internet through: %s', (address) => {
    expect(isGlobalUnicast(ipaddr.process(address))).toBe(true);
  });

  const special = `
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192
    168.63.129.16 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255
  `;
  it.each(special.trim().split(/\s+/))('refuses IPv4 that is not: %s', (address) => {
    expect(isGlobalUnicast(ipaddr.process(address))).toBe(false);
  });

  it.each([
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['IPv4-mapped', '::ffff:127.0.0.1'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['IPv4-translated', '::ffff:0:7f00:1'],
    ['NAT64', '64:ff9b::7f00:1'],
    ['local NAT64', '64:ff9b:1::7f00:1'],
    ['6to4', '2002:7f00:1::'],
    ['Teredo', '2001:0:7f00:1::'],
    ['link-local', 'fe80::1'],
    ['site-local', 'fec0::1'],
    ['unique local', 'fc00::1'],
    ['unique local', 'fd12:3456::1'],
    ['multicast', 'ff02::1'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['benchmarking', '2001:2::1'],
    ['discard', '100::1'],
    ['never handed out', '4000::1'],
    ['segment routing', '5f00::1'],
  ])('refuses IPv6 that is not: %s %s', (_what, address) => {
    expect(isGlobalUnicast(ipaddr.process(address))).toBe(false);
  });
});

describe('AddressGuard', () => {
  const guard = (answers: readonly string[], allow: readonly string[] = []) =>
    new AddressGuard(new AllowList(allow), () => Promise.resolve(answers));

  it('hands back every checked address of a name', async () => {
    await expect(guard(['93.184.215.14', '2606:4700::1']).addressesOf('example.com', 443)).resolves.toEqual([
      '93.184.215.14',
      '2606:4700::1',
    ]);
  });

  it('refuses a name when one of its addresses is private', async () => {
    await expect(guard(['93.184.215.14', '10.0.0.1']).addressesOf('example.com', 443)).rejects.toThrow(AddressRefused);
    await expect(guard(['93.184.215.14', '::1']).addressesOf('example.com', 443)).rejects.toThrow(AddressRefused);
  });

  it.each(['metadata.google.internal', 'METADATA.google.internal.', 'metadata'])(
    'refuses the names of metadata services: %s',
    async (name) => {
      await expect(guard(['93.184.215.14']).addressesOf(name, 80)).rejects.toMatchObject({ refusal: { reason: 'name' } });
    },
  );

  it("refuses the host of an Azure machine, which is the operator's to allow", async () => {
    await expect(guard(['168.63.129.16']).addressesOf('example.com', 80)).rejects.toMatchObject({ refusal: { reason: 'address' } });
    await expect(guard(['168.63.129.16'], ['168.63.129.16:80']).addressesOf('168.63.129.16', 80)).resolves.toHaveLength(1);
  });

  it.each([22, 25, 5432, 6379])('refuses the port of a service that speaks no HTTP: %i', async (port) => {
    await expect(guard(['93.184.215.14']).addressesOf('example.com', port)).rejects.toMatchObject({ refusal: { reason: 'port' } });
    await expect(guard(['93.184.215.14'], [`example.com:${port}`]).addressesOf('example.com', port)).resolves.toHaveLength(1);
  });

  it('refuses what is no address, and a name without one', async () => {
    await expect(guard(['not an address']).addressesOf('example.com', 80)).rejects.toThrow(AddressRefused);
    await expect(guard([]).addressesOf('example.com', 80)).rejects.toThrow(AddressRefused);
  });
});
