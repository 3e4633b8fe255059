-- Calls by what only the warehouse knows. Tables hold duplicates: an id counts once in its group.
-- Of each day the largest {most} groups keep their names, the rest is summed: no call is lost.
WITH calls AS (
{calls}
), grouped AS (
  SELECT day, call_type, event, host, path, library, anonymous, COUNT(DISTINCT id) AS n
  FROM calls
  GROUP BY day, call_type, event, host, path, library, anonymous
), placed AS (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY day ORDER BY n DESC, call_type, event, host, path, library, anonymous
  ) <= {most} AS large
  FROM grouped
)
SELECT day, call_type, IF(large, event, '(other)') AS event, IF(large, host, '(other)') AS host,
  IF(large, path, '(other)') AS path, IF(large, library, '(other)') AS library, anonymous,
  SUM(n) AS n
FROM placed
GROUP BY 1, 2, 3, 4, 5, 6, 7
