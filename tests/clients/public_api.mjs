// Pages through a workspace with Segment's own SDK. Usage: node public_api.mjs '{"url", "token",
// "count", "period", "day", "next"}'. Prints, for each question, the pages it took, the rows, and how
// the answers differ from the SDK's models.
import sdk from '@segment/public-api-sdk-typescript'
import { differences } from './models.mjs'

const asked = JSON.parse(process.argv[2])
const answers = {}

function api(name, token = asked.token) {
  const client = new sdk[name](asked.url)
  client.accessToken = token
  return client
}

// One question, page by page: `ask` gets the pagination, `rowsOf` finds the rows in the data.
async function walk(question, rowsOf, ask) {
  const answer = { pages: 0, rows: [], differences: [] }
  let pagination = { count: asked.count }
  while (pagination) {
    const { response, body } = await ask(pagination)
    answer.pages += 1
    answer.rows.push(...[rowsOf(body.data)].flat())
    answer.differences.push(...differences(response.body, body.constructor.name))
    const cursor = body.data.pagination?.next
    pagination = cursor && { cursor, count: asked.count }
  }
  answer.differences = [...new Set(answer.differences)]
  answers[question] = answer
  return answer.rows
}

async function refusal(promise) {
  const error = await promise.then(() => { throw new Error('nothing was refused') }, (thrown) => thrown)
  return { status: error.statusCode, type: error.body.errors[0].type }
}

const usage = api('APICallsApi')
const period = asked.period
await walk('workspace', (data) => data.workspace, () => api('WorkspacesApi').getWorkspace())
await walk('usage', (data) => data.dailyWorkspaceAPICallsUsage,
  (page) => usage.getDailyWorkspaceAPICallsUsage(period, page))
await walk('usage by source', (data) => data.dailyPerSourceAPICallsUsage,
  (page) => usage.getDailyPerSourceAPICallsUsage(period, page))
await walk('users by source', (data) => data.dailyPerSourceMTUUsage,
  (page) => api('MonthlyTrackedUsersApi').getDailyPerSourceMTUUsage(period, page))
await walk('users', (data) => data.dailyWorkspaceMTUUsage,
  (page) => api('MonthlyTrackedUsersApi').getDailyWorkspaceMTUUsage(period, page))

const { day, next } = asked
await walk('volume', (data) => data.result,
  (page) => api('EventsApi').getEventsVolumeFromWorkspace('DAY', day, next,
    ['source', 'eventType', 'eventName'], undefined, undefined, undefined, undefined, page))

const sources = await walk('sources', (data) => data.sources, (page) => api('SourcesApi').listSources(page))
const destinations = await walk('destinations', (data) => data.destinations,
  (page) => api('DestinationsApi').listDestinations(page))
await walk('warehouses', (data) => data.warehouses, (page) => api('WarehousesApi').listWarehouses(page))
await walk('labels', (data) => data.labels, () => api('LabelsApi').listLabels())
await walk('source', (data) => data.source, () => api('SourcesApi').getSource(sources[0].id))
await walk('destination', (data) => data.destination,
  () => api('DestinationsApi').getDestination(destinations[0].id))
const [warehouse] = answers.warehouses.rows
const sync = api('SelectiveSyncApi')
await walk('syncs', (data) => data.reports, (page) => sync.listSyncsFromWarehouse(warehouse.id, page))
await walk('syncs of a source', (data) => data.reports,
  (page) => sync.listSyncsFromWarehouseAndSource(warehouse.id, sources[0].id, page))
await walk('audit events', (data) => data.events,
  (page) => api('AuditTrailApi').listAuditEvents(page, period, next))
for (const { id } of sources)
  await walk(`settings ${id}`, (data) => data.settings, () => api('SourcesApi').listSchemaSettingsInSource(id))
const functions = await walk('functions', (data) => data.functions,
  (page) => api('FunctionsApi').listFunctions(page, 'SOURCE'))
await walk('function', (data) => data.function, () => api('FunctionsApi').getFunction(functions[0].id))

// Version 47 spells the granularity in small letters here.
const delivery = api('DeliveryOverviewApi')
const steps = { delivered: 'getEgressSuccess', failed: 'getEgressFailed', filtered: 'getFilteredAtDestination' }
for (const { id, sourceId } of destinations)
  for (const [step, method] of Object.entries(steps))
    await walk(`${step} ${id}`, (data) => data.dataset,
      (page) => delivery[`${method}MetricsFromDeliveryOverview`](
        sourceId, id, day, next, 'day', page, ['eventName', 'eventType', 'discardReason']))
const received = { received: 'getIngressSuccess', rejected: 'getIngressFailed', blocked: 'getFilteredAtSource' }
for (const { id } of sources)
  for (const [step, method] of Object.entries(received))
    await walk(`${step} ${id}`, (data) => data.dataset,
      (page) => delivery[`${method}MetricsFromDeliveryOverview`](
        id, day, next, 'day', page, ['eventName'], { eventType: ['track'] }))

const refusals = {
  'wrong token': await refusal(api('WorkspacesApi', 'wrong').getWorkspace()),
  'unknown source': await refusal(api('SourcesApi').getSource('unknown')),
  'no such granularity': await refusal(api('EventsApi').getEventsVolumeFromWorkspace('WEEK', day, next)),
}
process.stdout.write(JSON.stringify({ answers, refusals }))
