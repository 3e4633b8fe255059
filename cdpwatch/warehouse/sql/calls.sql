  SELECT CAST(DATE(received_at) AS STRING) AS day, '{call_type}' AS call_type, id,
    {event} AS event, {host} AS host, {path} AS path, {library} AS library,
    {anonymous} AS anonymous
  FROM `{table}`
  WHERE {partition}received_at >= @start AND received_at < @end
