// Sends messages with Segment's own library. Usage: node track.mjs '{"host", "writeKey",
// "messages": [["track", {...}], ...]}'. Prints how many were sent and what went wrong.
import { Analytics } from '@segment/analytics-node'

const { host, writeKey, messages } = JSON.parse(process.argv[2])
const analytics = new Analytics({ host, writeKey, maxRetries: 0 })
const errors = []
analytics.on('error', ({ reason }) => errors.push(String(reason)))
for (const [method, fields] of messages) analytics[method](fields)
await analytics.closeAndFlush()
process.stdout.write(JSON.stringify({ sent: messages.length, errors }))
