import { joinUrls } from '../addresses.ts';
import type { Cluster, Server } from '../server.ts';
import { openRun, type Run } from './run.ts';

/**
 * Starts the nodes of a cluster at the same time, each with a run of its own; `start` is told the runs of all. When one
 * does not start, the others are ended.
 */
export async function startNodes<Node extends Server>(
  name: string,
  size: { readonly nodes: number; readonly portsEach: number },
  start: (run: Run, all: readonly Run[]) => Promise<Node>,
): Promise<Cluster<Node>> {
  const runs: Run[] = [];
  for (let count = 1; count <= size.nodes; count++) runs.push(await openRun(`${name}-${count}`, size.portsEach));
  const outcomes = await Promise.allSettled(runs.map(async (run) => start(run, runs)));
  const nodes = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const cluster = {
    url: joinUrls(nodes.map(({ url }) => url)),
    nodes,
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map(async (node) => node[Symbol.asyncDispose]()));
      for (const run of runs) run.remove();
    },
  };
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure === undefined) return cluster;
  await cluster[Symbol.asyncDispose]();
  throw failure.reason;
}
