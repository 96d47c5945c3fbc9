import { chmodSync, chownSync, cpSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EmbeddedPostgres, endProcess, freePort, type Redis, startEmbeddedPostgres, startRedis } from '@sluice/platform-local-servers';
import pg from 'pg';

const endedWithinMs = 20_000;

/** A Postgres that can be stopped in every way and started again, where it was. */
export class ChaosPostgres {
  private running: EmbeddedPostgres;
  private readonly dataDir: string;
  private readonly settings: Record<string, string>;

  private constructor(running: EmbeddedPostgres, dataDir: string, settings: Record<string, string>) {
    this.running = running;
    this.dataDir = dataDir;
    this.settings = settings;
  }

  static async start(dataDir: string, settings: Record<string, string>): Promise<ChaosPostgres> {
    return new ChaosPostgres(await startEmbeddedPostgres({ dataDir, settings }), dataDir, settings);
  }

  get port(): number {
    return this.running.port;
  }

  get dataFolder(): string {
    return this.running.dataDir;
  }

  url(database: string): string {
    return this.running.url(database);
  }

  ensureDatabase(name: string): Promise<void> {
    return this.running.ensureDatabase(name);
  }

  /** A second server that follows this one and may take its place, from a copy of its files. */
  async makeStandby(dataDir: string): Promise<ChaosPostgres> {
    const { running, settings } = this;
    const primary = new pg.Client(running.url('postgres'));
    await primary.connect();
    await primary.query(`SELECT pg_backup_start('standby', true)`);
    cpSync(running.dataDir, dataDir, { recursive: true, preserveTimestamps: true });
    const { rows } = await primary.query('SELECT labelfile FROM pg_backup_stop()');
    await primary.end();
    const url = new URL(running.url('postgres'));
    const follow = `host=127.0.0.1 port=${url.port} user=postgres password=${url.password} application_name=standby`;
    rmSync(join(dataDir, 'postmaster.pid'), { force: true });
    rmSync(join(dataDir, 'postgresql.auto.conf'), { force: true });
    writeFileSync(join(dataDir, 'postgresql.auto.conf'), '');
    writeFileSync(join(dataDir, 'backup_label'), rows[0].labelfile);
    writeFileSync(join(dataDir, 'standby.signal'), '');
    takeOver(running.dataDir, dataDir);
    return ChaosPostgres.start(dataDir, { ...settings, primary_conninfo: follow, hot_standby: 'on' });
  }

  /** fast: sessions are ended, a checkpoint is written; immediate: the next start recovers from the log; kill: as a crash of the machine. */
  async stop(how: 'fast' | 'immediate' | 'kill'): Promise<void> {
    const signal = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const;
    await endProcess(this.running.pid, [signal[how], endedWithinMs], ['SIGKILL', endedWithinMs]);
    await this.running.stop();
  }

  async start(): Promise<void> {
    const { dataDir, settings } = this;
    const { port } = this.running;
    // Sessions of a killed server hold its memory for a moment longer.
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.running = await startEmbeddedPostgres({ dataDir, settings, port });
        return;
      } catch (error) {
        if (attempt === 20) throw error;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }
}

/** A Redis that can be killed and comes back empty on the same port. */
export class ChaosRedis {
  private running: Redis;
  private readonly dir: string;

  private constructor(running: Redis, dir: string) {
    this.running = running;
    this.dir = dir;
  }

  static async start(dir: string): Promise<ChaosRedis> {
    return new ChaosRedis(await startRedis({ dir, port: await freePort() }), dir);
  }

  get url(): string {
    return this.running.url;
  }

  get port(): number {
    return Number(new URL(this.running.url).port);
  }

  get pid(): number {
    return this.running.pid;
  }

  async kill(): Promise<void> {
    await endProcess(this.running.pid, ['SIGKILL', endedWithinMs]);
    await this.running.stop();
  }

  async start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    this.running = await startRedis({ dir: this.dir, port: this.port, settings });
  }
}

/** The copy belongs to whoever the original belongs to. */
function takeOver(from: string, to: string): void {
  const { uid, gid } = statSync(from);
  for (const entry of ['.', ...readdirSync(to, { recursive: true, encoding: 'utf8' })]) chownSync(join(to, entry), uid, gid);
  chmodSync(to, 0o700);
}

export const folderOf = (dataDir: string, server: 'postgres' | 'redis'): string => join(dataDir, server);
