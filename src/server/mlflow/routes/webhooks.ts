import type { Webhook, WebhookEvent } from '../../../ports/webhook-store.ts';
import { accesses } from '../accesses.ts';
import { invalid, MlflowFault } from '../fault.ts';
import { atMost } from '../limits.ts';
import type { Message } from '../message.ts';
import { type JsonRoute, type MlflowContext, route } from '../mlflow-route.ts';
import { nextToken, pagingOf } from '../paging.ts';
import { listed } from '../wire.ts';

/** Actions of each entity that a webhook can ask for. */
const EVENTS: Readonly<Record<string, readonly string[]>> = {
  registered_model: ['created'],
  model_version: ['created'],
  model_version_tag: ['set', 'deleted'],
  model_version_alias: ['created', 'deleted'],
};

/** Routes of webhooks, which clients from 3.3 manage. */
export const webhookRoutes: readonly JsonRoute[] = [
  route('POST', '/mlflow/webhooks', accesses.administers, async (context, { message }) => {
    const now = context.clock();
    const webhook: Webhook = {
      id: context.randomHex(16),
      name: atMost('name', message.required('name'), 256),
      description: message.text('description'),
      url: urlOf(context, message.required('url')),
      events: eventsOf(message),
      isActive: isActive(message) ?? true,
      secret: message.text('secret'),
      createdAt: now,
      updatedAt: now,
    };
    await context.registry.putWebhook(webhook);
    return { webhook: webhookMessage(webhook) };
  }),
  route('GET', '/mlflow/webhooks', accesses.looks, async ({ registry }, { message }) => {
    const paging = pagingOf(message, { usual: 100, most: 1_000 });
    const all = await registry.webhooks();
    const rows = all.slice(paging.offset, paging.offset + paging.limit);
    const more = all.length > paging.offset + paging.limit;
    return { ...listed('webhooks', rows.map(webhookMessage)), ...nextToken(paging, { more }) };
  }),
  route('GET', '/mlflow/webhooks/{id}', accesses.looks, async (context, { params: [id] }) => ({
    webhook: webhookMessage(await existing(context, id)),
  })),
  route('PATCH', '/mlflow/webhooks/{id}', accesses.administers, async (context, { message, params: [id] }) => {
    const before = await existing(context, id);
    const webhook: Webhook = {
      ...before,
      name: message.maybeText('name') ?? before.name,
      description: message.maybeText('description') ?? before.description,
      url: message.has('url') ? urlOf(context, message.required('url')) : before.url,
      events: message.messages('events').length > 0 ? eventsOf(message) : before.events,
      isActive: isActive(message) ?? before.isActive,
      secret: message.maybeText('secret') ?? before.secret,
      updatedAt: context.clock(),
    };
    await context.registry.putWebhook(webhook);
    return { webhook: webhookMessage(webhook) };
  }),
  route('DELETE', '/mlflow/webhooks/{id}', accesses.administers, async (context, { params: [id] }) => {
    await existing(context, id);
    await context.registry.deleteWebhook(id);
    return {};
  }),
  route('POST', '/mlflow/webhooks/{id}/test', accesses.administers, async (context, { message, params: [id] }) => {
    const webhook = await existing(context, id);
    const event = message.has('event') ? eventOf(message.message('event')) : webhook.events[0];
    const { status, text, error } = await context.testWebhook(webhook, event);
    return {
      result: {
        success: status !== null && status >= 200 && status < 300,
        ...(status === null ? {} : { response_status: status, response_body: text }),
        ...(error === null ? {} : { error_message: error }),
      },
    };
  }),
];

async function existing({ registry }: MlflowContext, id: string): Promise<Webhook> {
  const webhook = await registry.webhook(id);
  if (webhook === null) throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Webhook with ID ${id} not found.`);
  return webhook;
}

function urlOf({ checkWebhook }: MlflowContext, url: string): string {
  checkWebhook(url);
  return url;
}

function isActive(message: Message): boolean | undefined {
  const status = message.word('status', ['ACTIVE', 'DISABLED']);
  return status === undefined ? undefined : status === 'ACTIVE';
}

function eventsOf(message: Message): readonly WebhookEvent[] {
  const events = message.messages('events').map(eventOf);
  if (events.length === 0)
    throw invalid(
      "Missing value for required parameter 'events'. See the API docs for more information about request parameters.",
    );
  return events;
}

/** The wire has the names of enums: `MODEL_VERSION`, `CREATED`. */
function eventOf(message: Message): WebhookEvent {
  const event = { entity: message.required('entity').toLowerCase(), action: message.required('action').toLowerCase() };
  if (EVENTS[event.entity]?.includes(event.action) !== true)
    throw invalid(
      `Invalid action '${event.action}' for entity '${event.entity}': this server sends ${describeEvents()}`,
    );
  return event;
}

function describeEvents(): string {
  return Object.entries(EVENTS)
    .map(([entity, actions]) => `${entity} ${actions.join('/')}`)
    .join(', ');
}

function webhookMessage(webhook: Webhook) {
  return {
    webhook_id: webhook.id,
    name: webhook.name,
    ...(webhook.description === '' ? {} : { description: webhook.description }),
    url: webhook.url,
    events: webhook.events.map(({ entity, action }) => ({
      entity: entity.toUpperCase(),
      action: action.toUpperCase(),
    })),
    status: webhook.isActive ? 'ACTIVE' : 'DISABLED',
    creation_timestamp: webhook.createdAt,
    last_updated_timestamp: webhook.updatedAt,
  };
}
