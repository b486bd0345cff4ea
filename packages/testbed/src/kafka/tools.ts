import { runCommand } from '../install/command.ts';
import { javaArguments, javaEnvironment, javaProgram } from '../java.ts';
import type { KafkaTool } from './kafka.ts';

/** What the scripts of Kafka's distribution start; the scripts themselves are not in Maven Central. */
const classes: Readonly<Record<KafkaTool, string>> = {
  'kafka-topics.sh': 'org.apache.kafka.tools.TopicCommand',
  'kafka-configs.sh': 'kafka.admin.ConfigCommand',
  'kafka-consumer-groups.sh': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'kafka-share-groups.sh': 'org.apache.kafka.tools.consumer.group.ShareGroupCommand',
  'kafka-console-share-consumer.sh': 'org.apache.kafka.tools.consumer.ConsoleShareConsumer',
  'kafka-groups.sh': 'org.apache.kafka.tools.GroupsCommand',
  'kafka-get-offsets.sh': 'org.apache.kafka.tools.GetOffsetShell',
  'kafka-transactions.sh': 'org.apache.kafka.tools.TransactionsCommand',
};

export async function runTool(
  libraries: string,
  brokerPort: number,
  tool: KafkaTool,
  toolArguments: readonly string[],
): Promise<string> {
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
  const address = ['--bootstrap-server', `127.0.0.1:${brokerPort}`];
  return runCommand(
    javaProgram(),
    [quiet, ...javaArguments(libraries, 128), classes[tool], ...address, ...toolArguments],
    { environment: javaEnvironment, timeoutMs: 60_000 },
  );
}
