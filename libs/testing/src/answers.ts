/** Whether a server answers 2xx. Takes a connection of its own and reads to the end: nothing of it is left for a later call. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { headers: { connection: 'close' } });
  await response.arrayBuffer();
  return response.ok;
}
