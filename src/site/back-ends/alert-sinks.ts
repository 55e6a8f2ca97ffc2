import {
  alertmanagerAlerts,
  issueAlerts,
  pagerDutyAlerts,
  type SinkFact,
  type SinkPlace,
  slackAlerts,
  smtpAlerts,
  webhookAlerts,
} from '../../backends/alert-sinks/back-ends.ts';
import type { Environment } from '../../environment/config.ts';
import type { AlertSink } from '../../ports/alert-sink.ts';
import type { BackEndTable } from '../../ports/back-end-row.ts';

export type SinkOptions = Environment['alerts']['sinks'][string];

export const alertSinks: BackEndTable<SinkOptions, SinkPlace, AlertSink, SinkFact> = {
  webhook: webhookAlerts,
  slack: slackAlerts,
  pagerduty: pagerDutyAlerts,
  alertmanager: alertmanagerAlerts,
  smtp: smtpAlerts,
  issues: issueAlerts,
};
