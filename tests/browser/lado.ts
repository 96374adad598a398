// Starts the built Lado with its demo shop on ports of the system's choosing.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

export interface SignIn {
  name: string;
  password: string;
}

export interface Ready {
  console: string;
  view_domain: string;
  ports: { lado: number; shop: number };
  agent: SignIn;
  /** Every demo agent: ana and bia, their supervisor rui, and caio of another company. */
  agents: SignIn[];
  company: string;
  site: string;
  /** The shop with Lado in front of it. */
  front: string;
}

export class Lado {
  private constructor(
    readonly ready: Ready,
    readonly process: ChildProcess,
    readonly log: string[],
  ) {}

  static start(more: string[] = []): Promise<Lado> {
    return Lado.run(["demo", "--listen", "127.0.0.1:0", "--json", ...more]);
  }

  /** As operations run it: a company with one agent, the sites that it allows, and more configuration. */
  static async serve(own: { allow(port: number): string; role?: string; more: string }): Promise<Lado> {
    const port = await free();
    const agent = { name: "ana", password: "own" };
    const hashed = execFileSync(binary(), ["hash-password"], {
      input: `${agent.password}\n`,
      encoding: "utf8",
    });
    const folder = mkdtempSync(path.join(os.tmpdir(), "lado-own-"));
    const file = path.join(folder, "lado.toml");
    writeFileSync(
      file,
      `[hosts]
console = "http://lado.localhost:${port}"
view = "http://view.localhost:${port}"
[listener]
address = "127.0.0.1:${port}"
[upstream]
allow_private = ["127.0.0.1"]
[[company]]
id = "own"
name = "Own"
allow = ["${own.allow(port)}"]
[[company.agents]]
name = "${agent.name}"
display = "Ana Lima"
role = "${own.role ?? "agent"}"
password = "${hashed.trim()}"
${own.more}`,
    );
    const lado = await Lado.run(["serve", "--json", "--config", file]);
    lado.process.once("exit", () => rmSync(folder, { recursive: true }));
    Object.assign(lado.ready, { agent, agents: [agent], company: "Own" });
    return lado;
  }

  /** Runs a command of the binary that tells in a line of JSON when it is ready. */
  static async run(command: string[]): Promise<Lado> {
    const child = spawn(binary(), command, { stdio: ["ignore", "pipe", "pipe"] });
    const log: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
    const first = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once("line", resolve);
      child.once("exit", (code) => reject(new Error(`lado ended with ${code}\n${log.join("\n")}`)));
    });
    return new Lado(JSON.parse(first) as Ready, child, log);
  }

  /** The demo shop's own word on how many orders it has taken. */
  async orders(): Promise<number> {
    const answer = await fetch(`${this.ready.site}/api/orders/count`);
    return ((await answer.json()) as { count: number }).count;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGTERM");
    const late = setTimeout(() => this.process.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(late);
  }
}

function binary(): string {
  const built = path.resolve(process.env.CARGO_TARGET_DIR ?? "target", "debug/lado");
  const chosen = process.env.LADO_BIN ?? built;
  if (!existsSync(chosen)) throw new Error(`${chosen} is missing: run cargo build --bin lado`);
  return chosen;
}

function free(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
